"""A post looks for the file before it has the lock, and can overwrite a task posted meanwhile."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S6"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (
    (Ask("post", "n1", fenced=False),),
    (Ask("post", "n1", fenced=False), Ask("claim", "n1")),
)


class Board(LockAndScan):
    """Checks, locks, writes."""

    def post(self, task: Task) -> None:
        self.refuse_taken(task.task_id)
        with self.held():
            self.write(task)
