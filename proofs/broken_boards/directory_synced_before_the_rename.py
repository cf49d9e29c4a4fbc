"""The directory is synced while the file still has its temporary name: a completion is gone."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AND_COMPLETE
from proofs.broken_boards.durable import SyncedLockAndScan
from swarm.task import Task

INVARIANT: Final = "S14"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM)


class Board(SyncedLockAndScan):
    """Syncs everything, and one thing too early."""

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        self.put(temporary, task.to_json_unchecked())
        self.sync_directory()
        os.replace(temporary, self.file(task.task_id))
