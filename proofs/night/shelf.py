"""What nights share of one kind about one board: values in a database of Hypothesis.

Each is readable JSON that says which kind it is, in which version. What cannot be read is passed
over and left in place: another version wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from hypothesis.database import ExampleDatabase


class Value(Protocol):
    """What a shelf can hold."""

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int]

    def to_fields(self) -> Mapping[str, Any]:
        """What JSON can hold of it, without its format and version."""
        ...

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of ``to_fields``.

        Raises KeyError or TypeError where fields are missing, ValueError where they are wrong.
        """
        ...


V = TypeVar("V", bound=Value)


def to_bytes(value: Value) -> bytes:
    """As JSON, with its format and version."""
    fields = {"format": value.FORMAT, "version": value.VERSION, **value.to_fields()}
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")


def from_bytes(kind: type[V], data: bytes) -> V:
    """The inverse of ``to_bytes``. Raises ValueError for what is none of this kind."""
    fields: Any = json.loads(data.decode("utf-8", "surrogatepass"))
    ours = (kind.FORMAT, kind.VERSION)
    if not isinstance(fields, dict) or (fields.pop("format", ""), fields.pop("version", 0)) != ours:
        raise ValueError(f"must be JSON that says {kind.FORMAT!r}, version {kind.VERSION}")
    try:
        return kind.from_fields(fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{kind.FORMAT!r} must have all its fields: {error}") from error


class Shelf(Generic[V]):
    """The values of one kind about one board."""

    def __init__(self, database: ExampleDatabase, kind: type[V], board: str) -> None:
        self._database = database
        self._kind = kind
        self._key = f"{kind.FORMAT}/{kind.VERSION}/{board}".encode()

    def add(self, value: V) -> None:
        """It is there as soon as this returns, and whole or not at all."""
        self._database.save(self._key, to_bytes(value))

    def drop(self, value: V) -> None:
        """It is there no more."""
        self._database.delete(self._key, to_bytes(value))

    def values(self) -> Iterator[V]:
        """All that can be read, in the order of their bytes."""
        for data in sorted(self._database.fetch(self._key)):
            try:
                yield from_bytes(self._kind, data)
            except ValueError:
                continue
