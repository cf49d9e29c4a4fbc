"""A claim that loses the race for the first task answers that there is none left."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S13"
PREEMPTIONS: Final = 1
TASKS: Final = 2
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Tries once."""

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        return self.claim(first.task_id, agent_id) if first else None
