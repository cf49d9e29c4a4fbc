"""The lock is on the task's own file, and each write puts another file in its place.

Who waited gets the lock on the old file, and reads there that the task is free.
"""

from __future__ import annotations

import fcntl
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Locks what it replaces."""

    def claim_next(self, agent_id: str) -> Task | None:
        for task in self.list_all():
            with open(self.file(task.task_id), encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                granted = self.grant(Task.from_json(file.read()), agent_id)
                if granted:
                    return granted
        return None
