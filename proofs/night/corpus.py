"""What is worth running again: interleavings that reached a new order of two conflicting effects.

They are values of a database of Hypothesis, so that a folder and a Redis server hold them alike,
and several processes, machines and nights share them. Each value is readable JSON and says which
pairs it was kept for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hypothesis.database import ExampleDatabase

from proofs.harness.gates import GateName
from proofs.night.reached import Pair
from strategies.scenarios import Scenario

FORMAT: Final = "swarm-proofs/corpus"
VERSION: Final = 1
BYTES_MAX: Final = 100_000
"""What is larger is not kept: it would take as long to run as many that are small."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A scenario with the turns that it took, and the pairs that nobody had seen before it."""

    scenario: Scenario
    gate: GateName
    pairs: frozenset[Pair]

    def to_bytes(self) -> bytes:
        """As JSON."""
        fields = {
            "format": FORMAT,
            "version": VERSION,
            "gate": self.gate,
            "pairs": sorted(map(list, self.pairs)),
            "scenario": self.scenario.to_json(),
        }
        return json.dumps(fields, ensure_ascii=False).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Entry:
        """The inverse of ``to_bytes``. Raises ValueError for what is none."""
        fields: Any = json.loads(data)
        if not isinstance(fields, dict) or (fields.get("format"), fields.get("version")) != (
            FORMAT,
            VERSION,
        ):
            raise ValueError(f"an entry must say {FORMAT!r} and version {VERSION}")
        try:
            pairs = frozenset((str(before), str(after)) for before, after in fields["pairs"])
            gate: GateName = "processes" if fields["gate"] == "processes" else "threads"
            return Entry(Scenario.from_json(fields["scenario"]), gate, pairs)
        except (KeyError, TypeError) as error:
            raise ValueError(f"an entry must have all its fields: {error}") from error


class Corpus:
    """The entries of one board."""

    def __init__(self, database: ExampleDatabase, board: str) -> None:
        self._database = database
        self._key = f"{FORMAT}/{VERSION}/{board}".encode()

    def entries(self) -> list[Entry]:
        """All that can be read, in the order of their bytes; another version wrote the others."""
        return list(self._readable())

    def add(self, entry: Entry) -> None:
        """Keep it. It is there as soon as this returns, and whole or not at all."""
        data = entry.to_bytes()
        if len(data) <= BYTES_MAX:
            self._database.save(self._key, data)

    def drop(self, entry: Entry) -> None:
        """It adds nothing to the others any more."""
        self._database.delete(self._key, entry.to_bytes())

    def _readable(self) -> Iterator[Entry]:
        for data in sorted(self._database.fetch(self._key)):
            try:
                yield Entry.from_bytes(data)
            except ValueError:
                continue
