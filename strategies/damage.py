"""Damage: one thing that somebody else did to a file of a board, as a plain value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from strategies import reading

__all__ = ["Damage"]

NUMBER_MAX: Final = 50_000_000
"""So much of something there may be at the most, in bytes or levels."""

_SHOWN_MAX: Final = 40
_TEXTS: Final = ("kind", "file", "field", "value")


@dataclass(frozen=True, slots=True)
class Damage:
    """``kind`` names what was done to the file ``file``; the rest are its parameters.

    ``file`` is the path of a file from the board's directory, in which a star stands for anything;
    of several the first by name. ``number`` is a place in its bytes, taken modulo how many they
    are, or how much of something there is. ``data`` are bytes that come into it, ``field`` is the
    name of a field of a task, ``value`` what it holds, as the text of JSON. What a kind does not
    need is 0 or empty. The kinds are told in ``payloads`` and ``misplacements``.
    """

    kind: str
    file: str = ""
    number: int = 0
    data: bytes = b""
    field: str = ""
    value: str = ""

    def __str__(self) -> str:
        """As a person is told."""
        number = [f"{self.number:,}"] if self.number else []
        data = [_cut(repr(self.data))] if self.data else []
        assigned = " = ".join(_cut(text) for text in (self.field, self.value) if text)
        told = ", ".join([*number, *data, *([assigned] if assigned else [])])
        return f"{self.file or 'a file'}: {self.kind}{f' ({told})' if told else ''}"

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what goes without saying; bytes as base64."""
        fields = {name: getattr(self, name) for name in Damage.__slots__}
        fields["data"] = base64.b64encode(self.data).decode("ascii")
        return {name: value for name, value in fields.items() if value or name == "kind"}

    @staticmethod
    def from_json(fields: object) -> Damage:
        """The inverse of ``to_json``. Raises ValueError for what is no damage."""
        given = reading.members(fields, "damage", ["kind"], Damage.__slots__)
        texts = {name: reading.text(given.get(name, ""), name) for name in _TEXTS}
        number = reading.whole(given.get("number", 0), "number of damage", most=NUMBER_MAX)
        try:
            data = base64.b64decode(reading.text(given.get("data", ""), "data"), validate=True)
        except binascii.Error:
            reading.refuse("data of damage", "be base64", given["data"])
        return Damage(**texts, number=number, data=data)

    def smaller(self) -> Iterator[Damage]:
        """The same kind with less of it, the least first."""
        numbers = {0, self.number // 2, self.number - 1} if self.number > 0 else set()
        yield from (replace(self, number=number) for number in sorted(numbers - {self.number}))
        if len(self.data) > 1:
            yield replace(self, data=self.data[:1])


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
