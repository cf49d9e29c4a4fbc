"""Text in columns of a terminal, in which some characters take two places, or none, or do harm."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What moves the cursor or colours text, what turns the direction of writing, and half characters;
but not the tab and the end of a line."""

_CUT: Final = "…"


def printable(text: str) -> str:
    """The same with what a terminal would obey as an escape that can be read."""
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def width(text: str) -> int:
    """How many places it takes, as most terminals have it: by Unicode's East Asian Width."""
    return len(text) if text.isascii() else sum(map(_places, text))


def fitted(text: str, places: int) -> str:
    """The text on one line of exactly so many places: filled up, or cut with a sign of that."""
    text = printable(text.replace("\n", "\\n").replace("\t", "\\t"))
    if width(text) > places:
        text = _begin(text, places - 1) + _CUT
    return text + " " * (places - width(text))


def _begin(text: str, places: int) -> str:
    taken = 0
    for number, character in enumerate(text):
        taken += _places(character)
        if taken > places:
            return text[:number]
    return text


def _places(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("F", "W") else 1
