"""An error after the write is answered as if nothing had been done.

The task is then held, for a whole lease, by an agent that was told that there is none.
"""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "S10"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a1", "before", "fsync *", 1, "EIO"),)


class Board(LockAndScan):
    """Syncs the directory, and takes each error for a no."""

    def claim_next(self, agent_id: str) -> Task | None:
        try:
            return super().claim_next(agent_id)
        except OSError:
            return None

    def write(self, task: Task) -> None:
        super().write(task)
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
