"""A write that fails leaves its temporary file behind, under a name that is never used again."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "R1"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM,)
FAULTS: Final = (Fault("a1", "before", "replace *", 1, "ENOSPC"),)


class Board(LockAndScan):
    """Fills a full disk further."""

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(task.to_json_unchecked())
        os.replace(temporary, self.file(task.task_id))
