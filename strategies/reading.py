"""Reads what stands in a file by rules: each raises ValueError with the rule and what was got.

What they let through can be run in a bounded time and space, and names no file elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from swarm.errors import shown

TEXT_MAX: Final = 10_000
"""So many characters a text may have."""

ITEMS_MAX: Final = 100_000
"""So many items a list may have."""

SEED_MAX: Final = 2**64 - 1
COUNT_MAX: Final = 10**9
SECONDS_MAX: Final = 5e9
"""Some 158 years: within it the nanoseconds of any time of a run fit into 64 bits."""

_ID: Final = re.compile(r"[^./\0][^/\0]{0,199}", re.DOTALL)
_AGENT: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


def refuse(name: str, rule: str, got: object) -> NoReturn:
    """Say what must hold and what was got."""
    raise ValueError(f"{name} must {rule}, got {shown(got)}")


def members(
    value: object, name: str, needed: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Any]:
    """An object that has all that is needed, and nothing that is not known."""
    if not isinstance(value, dict):
        refuse(name, "be an object", value)
    needed = list(needed)
    for field in needed:
        if field not in value:
            refuse(name, f"have {field}", value)
    for field in value:
        if field not in needed and field not in [*optional]:
            refuse(name, f"have no other fields than {', '.join([*needed, *optional])}", field)
    return value


def items(value: object, name: str, most: int = ITEMS_MAX) -> list[Any]:
    """A list that is not too long."""
    if not isinstance(value, list | tuple):
        refuse(name, "be a list", value)
    if len(value) > most:
        refuse(name, f"have at most {most:,} items", len(value))
    return list(value)


def one_of(value: object, name: str, known: Iterable[str]) -> str:
    """A word out of these."""
    known = list(known)
    if not isinstance(value, str) or value not in known:
        refuse(name, f"be one of {', '.join(known)}", value)
    return value


def text(value: object, name: str, most: int = TEXT_MAX) -> str:
    """A string that UTF-8 can express."""
    if not isinstance(value, str) or len(value) > most:
        refuse(name, f"be a string of at most {most:,} characters", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        refuse(name, "be Unicode text, without halves of surrogate pairs", value)
    return value


def task_id(value: object, name: str = "task_id") -> str:
    """What boards may name a file by: it leads to no other directory."""
    if not _ID.fullmatch(text(value, name)):
        refuse(name, "be a file's name of at most 200 characters, without / or a first dot", value)
    return str(value)


def agent(value: object, name: str = "an agent") -> str:
    """A name of an agent, which boards may name a file by too."""
    if not isinstance(value, str) or not _AGENT.fullmatch(value):
        refuse(name, "be named by at most 40 letters, digits, - and _", value)
    return value


def whole(value: object, name: str, least: int = 0, most: int = COUNT_MAX) -> int:
    """A whole number within these, and no other kind of number."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        refuse(name, f"be a whole number from {least} to {most}", value)
    return value


def number(value: object, name: str, least: float = -1e308, most: float = 1e308) -> float:
    """A finite number within these."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        refuse(name, "be a finite number", value)
    if value != value or value in (math.inf, -math.inf):
        refuse(name, "be a finite number", value)
    if not least <= value <= most:
        refuse(name, f"be a number from {least:g} to {most:g}", value)
    return value


def flag(value: object, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        refuse(name, "be true or false", value)
    return value
