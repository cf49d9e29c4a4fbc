"""The lock is held for the look at a task, and not for the write of its claim."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Unlocks too early."""

    def claim_next(self, agent_id: str) -> Task | None:
        with self.held():
            first = self.first_free()
        return self.grant(first, agent_id) if first else None
