"""The file of a task is removed before the new one gets its name: for a moment there is none."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import SyncedLockAndScan
from swarm.task import Task

INVARIANT: Final = "S7"
PROOF: Final = "crashes"
MODEL: Final = "K"
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(SyncedLockAndScan):
    """Whoever dies between the two takes the task along."""

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        self.put(temporary, task.to_json_unchecked())
        with suppress(FileNotFoundError):
            os.unlink(self.file(task.task_id))
        os.rename(temporary, self.file(task.task_id))
        self.sync_directory()
