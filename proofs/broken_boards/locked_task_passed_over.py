"""Who reads a task locks its file, and a claim passes over what is locked, as if it were taken."""

from __future__ import annotations

import fcntl
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task, TaskStatus

INVARIANT: Final = "S17"
PREEMPTIONS: Final = 1
TASKS: Final = 2
PROGRAMS: Final = (CLAIM, (Ask("get_pending"),))


class Board(LockAndScan):
    """Waits for no reader."""

    def first_free(self) -> Task | None:
        free = (
            task
            for task in self.list_all()
            if task.status is TaskStatus.PENDING or self.has_lapsed(task)
        )
        return next((task for task in free if not self.is_locked(task.task_id)), None)

    def read(self, task_id: str) -> Task | None:
        try:
            with open(self.file(task_id), encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                return Task.from_json(file.read())
        except FileNotFoundError:
            return None

    def is_locked(self, task_id: str) -> bool:
        """Whether somebody is at it."""
        with open(self.file(task_id), encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
