"""Damage: one thing that somebody else did to a file of a board, as a plain value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = ["Damage"]

_SHOWN_MAX: Final = 40


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
    def from_json(fields: Mapping[str, Any]) -> Damage:
        """The inverse of ``to_json``. Raises ValueError for what is no damage."""
        unknown = sorted(set(fields) - set(Damage.__slots__))
        if unknown or not isinstance(fields.get("kind"), str):
            raise ValueError(f"damage must have a kind and parameters of it, got {dict(fields)!r}")
        try:
            data = base64.b64decode(fields.get("data", ""), validate=True)
        except binascii.Error as error:
            raise ValueError(f"data of damage must be base64, got {fields['data']!r}") from error
        return Damage(**{**fields, "data": data})

    def smaller(self) -> Iterator[Damage]:
        """The same kind with less of it, the least first."""
        numbers = {0, self.number // 2, self.number - 1} if self.number > 0 else set()
        yield from (replace(self, number=number) for number in sorted(numbers - {self.number}))
        if len(self.data) > 1:
            yield replace(self, data=self.data[:1])


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
