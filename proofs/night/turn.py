"""What a worker is asked, and what it answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from proofs.harness.coverage import Coverage
from proofs.harness.gates import GateName
from proofs.harness.matrix import Cell
from proofs.night.found import Found
from proofs.night.reached import Pair


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of one member on one board at one gate.

    ``database`` is its name, empty for one that nobody shares. ``canary`` is the invariant of which
    alone the board is to be convicted, if it is one. ``pairs`` are those that were reached since
    this worker was asked last. The rest is as in ``Stage``.
    """

    member: str
    gate: GateName
    board: str
    seed: int
    seconds: float
    database: str
    folder: str
    canary: str | None = None
    share: tuple[int, int] = (0, 1)
    files: tuple[str, ...] = ()
    is_strict: bool = False
    pairs: frozenset[Pair] = frozenset()


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of it. ``fault`` is what is wrong with ours, or with a dependency."""

    turn: Turn
    seconds: float
    coverage: Coverage = field(default_factory=Coverage)
    pairs: frozenset[Pair] = frozenset()
    violations: int = 0
    judged: frozenset[str] = frozenset()
    not_applicable: dict[str, str] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    cells: Counter[Cell] = field(default_factory=Counter)
    concluded: tuple[dict[str, Any], ...] = ()
    replays: dict[str, str] = field(default_factory=dict)
    fault: Found | None = None
