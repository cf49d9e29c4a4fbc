"""What earlier nights found on a board, on this machine and on others with the same database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, get_args

from hypothesis.database import ExampleDatabase

from proofs.night.commit import UNKNOWN
from proofs.night.found import AtFault, Found
from proofs.night.machine import write
from proofs.night.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Record:
    """A finding, with the night and the commit where it was seen first. ``text`` is its file.

    ``gone`` is the night since which it shows no more, empty while it does.
    """

    FORMAT: ClassVar[str] = "swarm-proofs/finding"
    VERSION: ClassVar[int] = 1

    name: str
    invariant: str
    words: str
    at_fault: AtFault
    first_night: str
    first_commit: str
    first_seed: int
    text: str
    gone: str = ""

    def to_fields(self) -> Mapping[str, Any]:
        """See ``Shelf``."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Record:
        """See ``Shelf``."""
        record = cls(**fields)
        if record.at_fault not in get_args(AtFault):
            raise ValueError(
                f"at_fault must be one of {get_args(AtFault)}, got {record.at_fault!r}"
            )
        if Path(record.name).name != record.name or not record.name.endswith((".json", ".txt")):
            raise ValueError(f"the name of a finding must be that of a file, got {record.name!r}")
        return record


class Records:
    """Those of one board."""

    def __init__(self, database: ExampleDatabase, board: str) -> None:
        self._shelf = Shelf(database, Record, board)

    def all(self) -> dict[str, Record]:
        """By name; of two machines' records of one bug that of the earlier night."""
        found: dict[str, Record] = {}
        for record in sorted(
            self._shelf.values(), key=lambda one: (one.gone != "", one.first_night)
        ):
            found.setdefault(record.name, record)
        return found

    def add(self, record: Record) -> None:
        """It is there as soon as this returns."""
        self._shelf.add(record)

    def is_gone(self, record: Record, night: str) -> None:
        """It does not show any more."""
        self.add(replace(record, gone=night))
        self._shelf.drop(record)

    def forget(self, record: Record) -> None:
        """As if it had never been found."""
        self._shelf.drop(record)


def record_of(found: Found, night: str, commit: str, seed: int) -> Record:
    """Of what was found tonight; its file is there."""
    path = Path(found.path)
    text = path.read_text(encoding="utf-8") if path.exists() else found.told
    about = (found.name, found.invariant, found.words, found.at_fault)
    return Record(*about, night, commit, seed, text)


def record_of_file(path: Path, invariant: str, words: str) -> Record:
    """Of a file that a night left which was killed before it could say more."""
    night = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    text = path.read_text(encoding="utf-8")
    return Record(path.name, invariant, words, "board", night, UNKNOWN, 0, text)


def put_back(records: Iterator[Record], folder: Path) -> None:
    """Write the files of those that are not in this folder: another machine found them."""
    for record in records:
        path = folder / record.name
        if not record.gone and record.text and not path.exists():
            write(path, record.text)
