"""What the turns of a night brought, added up by member and gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from proofs.harness.coverage import Coverage
from proofs.harness.matrix import Cell
from proofs.night.crew import Lost
from proofs.night.found import Found, Met, together
from proofs.night.reached import Pair, in_both_orders, met
from proofs.night.struck import add_up
from proofs.night.turn import Brought

ORDERS_MAX: Final = 2_000_000
"""So many distinct orders are told apart, in some 140 MB; what comes after them is not counted."""


@dataclass(slots=True)
class Line:
    """What one member brought at one gate. ``new_orders`` and ``new_pairs`` are those that no other
    had reached before.
    """

    member: str
    gate: str
    turns: int = 0
    executions: int = 0
    seconds: float = 0.0
    new_orders: int = 0
    new_pairs: int = 0
    violations: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    judged: set[str] = field(default_factory=set)
    not_applicable: dict[str, str] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    cells: Counter[Cell] = field(default_factory=Counter)

    def add(self, brought: Brought) -> None:
        """Another turn; its orders were counted."""
        self.turns += 1
        self.executions += brought.coverage.executions
        self.seconds += brought.seconds
        self.violations += brought.violations
        self.coverage.merge(replace(brought.coverage, orders=set()))
        self.judged |= brought.judged
        self.not_applicable |= brought.not_applicable
        self.unknown += brought.unknown
        add_up(self.cells, brought.cells)

    def to_json(self) -> dict[str, Any]:
        """As ``report.json`` holds it."""
        names = ("member", "gate", "turns", "executions", "new_orders", "new_pairs", "violations")
        return {name: getattr(self, name) for name in names} | {"seconds": round(self.seconds, 3)}


@dataclass(slots=True)
class Tally:
    """Of a whole night. ``replayed`` are the lines of what was replayed first: counted apart;
    ``concluded`` what whole proofs came to in its turns, as a report holds it.
    """

    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    replayed: dict[tuple[str, str], Line] = field(default_factory=dict)
    replays: dict[str, str] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    lost: list[Lost] = field(default_factory=list)
    orders: set[int] = field(default_factory=set)
    pairs: set[Pair] = field(default_factory=set)
    new_pairs: int = 0
    concluded: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def in_order(self, names: Sequence[str]) -> list[Line]:
        """The lines of the portfolio, in the order of these names."""
        return sorted(
            self.lines.values(), key=lambda line: (names.index(line.member), line.gate != "threads")
        )

    @property
    def executions(self) -> int:
        """Of the portfolio."""
        return sum(line.executions for line in self.lines.values())

    @property
    def violations(self) -> int:
        """How many different ones, with those that are being made small."""
        return len(self.found) + len(self.met)

    @property
    def coverage(self) -> Coverage:
        """Of the portfolio together; its orders are counted elsewhere."""
        whole = Coverage()
        for line in self.lines.values():
            whole.merge(line.coverage)
        return whole

    def add(self, told: Brought | Found | Met | Lost, *, is_replay: bool = False) -> Found | None:
        """Take in what a worker said; what of it nobody had found before tonight, if anything."""
        if isinstance(told, Lost):
            self.lost.append(told)
            return None
        if isinstance(told, Met):
            self.met.add(told.name)
            return None
        if isinstance(told, Brought):
            self._bring(told, is_replay)
        found = told if isinstance(told, Found) else told.fault
        return found if found is not None and self._find(found) else None

    def reach(self) -> dict[str, int]:
        """How much of all orders was reached, as numbers; pairs by all nights so far."""
        return {
            "orders": len(self.orders),
            "pairs": met(self.pairs),
            "pairs_in_both_orders": in_both_orders(self.pairs),
            "ordered_pairs": len(self.pairs),
            "new_ordered_pairs": self.new_pairs,
        }

    def _find(self, found: Found) -> bool:
        is_new = found.name not in self.found
        self.met.discard(found.met)
        known = [] if is_new else [self.found[found.name]]
        self.found |= together([*known, found])
        return is_new

    def _bring(self, brought: Brought, is_replay: bool) -> None:
        at = (brought.turn.member, brought.turn.gate)
        line = (self.replayed if is_replay else self.lines).setdefault(at, Line(*at))
        line.add(brought)
        self.replays |= brought.replays
        self.concluded |= {(one["proof"], one["gate"]): one for one in brought.concluded}
        before = len(self.orders)
        if before < ORDERS_MAX:
            self.orders |= {int(order, 16) for order in brought.coverage.orders}
        line.new_orders += len(self.orders) - before
        new = brought.pairs - self.pairs
        self.pairs |= new
        line.new_pairs += len(new)
        self.new_pairs += 0 if is_replay else len(new)

    def pairs_in_words(self) -> str:
        """How many pairs of conflicting effects were seen in both orders, by all nights so far."""
        both, all_met = in_both_orders(self.pairs), met(self.pairs)
        return f"{both:,} of {all_met:,} pairs of conflicting effects in both orders"
