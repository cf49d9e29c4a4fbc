"""``python -m proofs fuzz``."""

from __future__ import annotations

import math
import re

import click

from proofs.command.cli import EPILOG

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _budget(context: click.Context, parameter: click.Parameter, text: str) -> float:
    """Seconds, from a positive number and its unit."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise click.BadParameter(
            f"must be a positive number with s, m or h, like 60s, got {text!r}"
        )
    return seconds


def _seed(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    if text is not None and re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise click.BadParameter(f"must be a whole number of at most 20 digits, got {text!r}")
    return None if text is None else int(text)


@click.command("fuzz", epilog=EPILOG)
@click.option(
    "--budget",
    callback=_budget,
    default="5m",
    show_default=True,
    metavar="TIME",
    help="How long to look: 60s, 30m, 1h.",
)
@click.option("--seed", callback=_seed, metavar="N", help="Repeat the run that printed this seed.")
def fuzz_command(budget: float, seed: int | None) -> int:
    """Run the state machine under fresh seeds until the budget is spent."""
    from proofs.fuzz import fuzz

    return fuzz(budget, seed)
