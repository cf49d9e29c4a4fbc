"""A post takes no lock, since its file is new, but all files are written under one temporary name.

So one agent's task can be put in the place of another's.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S7"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("post", "n1", fenced=False),), (Ask("post", "n2", fenced=False),))


class Board(LockAndScan):
    """Writes every file as ``.tmp`` first."""

    def post(self, task: Task) -> None:
        self.refuse_taken(task.task_id)
        self.write(task)

    def temporary(self, task_id: str) -> str:
        return f"{self.path}/.tmp"
