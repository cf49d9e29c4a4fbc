"""A claim writes over the file in place, while a listing without the lock reads it."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S8"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("get_pending"),))


class Board(LockAndScan):
    """Opens the file of a task for writing, which empties it first."""

    def write(self, task: Task) -> None:
        with open(self.file(task.task_id), "w", encoding="utf-8") as file:
            file.write(task.to_json_unchecked())
