"""The lock is taken only once a free task was found, and nobody looks again."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Looks before it locks."""

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        if first is None:
            return None
        with self.held():
            return self.grant(first, agent_id)
