"""All tasks are in one file, and completions, of different tasks after all, take no lock.

One puts back the file as it was before the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S6"
PREEMPTIONS: Final = 1
TASKS: Final = 2
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM_AND_COMPLETE)


class Board(LockAndScan):
    """Reads and writes everything at once."""

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token) or not task.complete(result):
            return False
        self.write(task)
        return True

    def write(self, task: Task) -> None:
        everything = {**self.load(), task.task_id: task.to_json_unchecked()}
        temporary = self.temporary(task.task_id)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(everything, file)
        os.replace(temporary, f"{self.path}/tasks")

    def read(self, task_id: str) -> Task | None:
        return next((task for task in self.tasks() if task.task_id == task_id), None)

    def tasks(self) -> Iterator[Task]:
        return map(Task.from_json, self.load().values())

    def load(self) -> dict[str, str]:
        """All tasks, as JSON, by id."""
        try:
            with open(f"{self.path}/tasks", encoding="utf-8") as file:
                tasks: dict[str, str] = json.load(file)
                return tasks
        except FileNotFoundError:
            return {}
