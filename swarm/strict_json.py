"""JSON read by one fixed set of rules, on every Python, wherever and however deep it is called.

The standard parser takes NaN, repeats of a key, lone surrogates and any nesting up to the caller's
stack; and it refuses long integers by a limit that the environment can move. Here each of these is
decided by the text alone.
"""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any

NESTING_MAX = 100
"""How many arrays and objects may lie within one another, the outermost counted."""

_DIGITS_MAX = 309  # the longest integer that can still be a finite double
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING_OR_BRACKET = re.compile(_STRING.pattern + r"|[\[\]{}]", re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD]")


class StrictJSONError(ValueError):
    """The text is not JSON by these rules; the message says which rule and where."""


def parse(data: bytes) -> Any:
    """The value that ``data`` holds as UTF-8 JSON.

    Refused, by ``StrictJSONError`` only: what is not UTF-8 or not one JSON document, a repeated
    key, a number that is not finite as a double, a lone surrogate, nesting over ``NESTING_MAX``.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJSONError(f"not UTF-8 at byte {error.start}") from None
    if _nesting(text) > NESTING_MAX:
        raise StrictJSONError(f"nested more than {NESTING_MAX} deep")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        why = error.msg.removesuffix(" at")  # its own words go on with the place
        place = f"line {error.lineno}, column {error.colno}"
        raise StrictJSONError(f"not JSON at {place}: {why}") from None
    if _SURROGATE_ESCAPE.search(text):
        _refuse_lone_surrogates(value)
    return value


def is_nested_deeper(value: object, depth_max: int) -> bool:
    """Whether lists, tuples and dicts lie deeper in one another; so they do in a circle."""
    level: list[Any] = [value]
    for _ in range(depth_max + 1):
        level = [container for container in level if isinstance(container, (dict, list, tuple))]
        if not level:
            return False
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = list({id(item): item for items in inner for item in items}.values())
    return True


def _nesting(text: str) -> int:
    """How deep arrays and objects lie; exact only where it could exceed the limit."""
    if text.count("[") + text.count("{") <= NESTING_MAX:
        return 0
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        token = found[0]
        if token in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > NESTING_MAX:
                break  # deep enough to refuse, and it may go on for megabytes
        elif token in "]}":
            depth -= 1
    return deepest


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJSONError("a string holds half of a surrogate pair") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise StrictJSONError(f"the key {twice[:40]!r} stands twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) <= _DIGITS_MAX + 1:
        value = int(digits)
        if len(digits) < _DIGITS_MAX or _fits_double(value):
            return value
    raise StrictJSONError(f"an integer of {len(digits)} digits is not finite as a double")


def _fits_double(value: int) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise StrictJSONError(f"the number {digits[:40]} is not finite as a double")
    return value


def _constant(name: str) -> float:
    raise StrictJSONError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
