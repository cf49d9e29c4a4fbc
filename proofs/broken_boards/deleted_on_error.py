"""An error path clears up too much: a write that fails deletes the task, not the temporary file."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "S7"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM,)
FAULTS: Final = (Fault("a1", "before", "replace *", 1, "ENOSPC"),)


class Board(LockAndScan):
    """Leaves nothing half-done."""

    def write(self, task: Task) -> None:
        try:
            super().write(task)
        except OSError:
            os.unlink(self.file(task.task_id))
            raise
