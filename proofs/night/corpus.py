"""What is worth running again: interleavings that reached a new order of two conflicting effects.

Several processes, machines and nights share them. Each says which pairs it was kept for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from hypothesis.database import ExampleDatabase

from proofs.harness.gates import GateName
from proofs.night.reached import Pair
from proofs.night.shelf import Shelf, to_bytes
from strategies.scenarios import Scenario

BYTES_MAX: Final = 100_000
"""What is larger is not kept: it would take as long to run as many that are small."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A scenario with the turns that it took, and the pairs that nobody had seen before it."""

    FORMAT: ClassVar[str] = "swarm-proofs/corpus"
    VERSION: ClassVar[int] = 1

    scenario: Scenario
    gate: GateName
    pairs: frozenset[Pair]

    def to_fields(self) -> Mapping[str, Any]:
        """See ``Shelf``."""
        pairs = sorted(map(list, self.pairs))
        return {"gate": self.gate, "pairs": pairs, "scenario": self.scenario.to_json()}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Entry:
        """See ``Shelf``."""
        pairs = frozenset((str(before), str(after)) for before, after in fields["pairs"])
        gate: GateName = "processes" if fields["gate"] == "processes" else "threads"
        return cls(Scenario.from_json(fields["scenario"]), gate, pairs)


class Corpus:
    """The entries of one board."""

    def __init__(self, database: ExampleDatabase, board: str) -> None:
        self._shelf = Shelf(database, Entry, board)

    def entries(self) -> list[Entry]:
        """All that can be read, in the order of their bytes."""
        return list(self._shelf.values())

    def add(self, entry: Entry) -> None:
        """Keep it, unless it is too large."""
        if len(to_bytes(entry)) <= BYTES_MAX:
            self._shelf.add(entry)

    def drop(self, entry: Entry) -> None:
        """It adds nothing to the others any more."""
        self._shelf.drop(entry)
