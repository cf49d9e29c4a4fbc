"""A claim never lapses: what a dead agent held is held for ever."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AFTER_THE_LEASE, LockAndScan
from swarm.task import Task

INVARIANT: Final = "L2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Trusts its agents."""

    def has_lapsed(self, task: Task) -> bool:
        return False
