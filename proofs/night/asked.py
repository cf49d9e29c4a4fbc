"""What a night is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from proofs.harness.gates import GATES, GateName
from proofs.proving import OUR_BOARD


@dataclass(frozen=True, slots=True)
class Asked:
    """As the options of the command. ``only`` are the names of members, empty for all of them.

    ``report`` None writes none; ``known`` is a file that need not be there.
    """

    budget_seconds: float
    processes: int
    seed: int
    database: str
    counterexamples: Path
    report: Path | None = None
    known: Path = Path("proofs", "known.json")
    board: str = OUR_BOARD
    gates: tuple[GateName, ...] = GATES
    is_strict: bool = False
    only: tuple[str, ...] = ()
    has_canary: bool = True
