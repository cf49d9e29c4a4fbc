"""How long and under which seed, as several commands are asked; only click is imported here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., int])
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def budget(context: click.Context, parameter: click.Parameter, text: str) -> float:
    """Seconds, from a positive number and its unit."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise click.BadParameter(
            f"must be a positive number with s, m or h, like 60s, got {text!r}"
        )
    return seconds


def budget_option(default: str) -> Callable[[Command], Command]:
    """How long the command may take."""
    return click.option(
        "--budget",
        callback=budget,
        default=default,
        show_default=True,
        metavar="TIME",
        help="How long to look: 60s, 30m, 1h.",
    )


def seed(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """A whole number that was printed as a seed."""
    if text is not None and re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise click.BadParameter(f"must be a whole number of at most 20 digits, got {text!r}")
    return None if text is None else int(text)
