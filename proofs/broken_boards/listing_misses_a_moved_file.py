"""A completed task moves to another folder, and a listing looks there before it looks here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S16"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, (Ask("list_all"),))


class Board(LockAndScan):
    """Keeps what is done apart."""

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        with self.held():
            task = self.read(task_id)
            if task is None or token not in (None, task.token) or not task.complete(result):
                return False
            self.write(task)
            os.makedirs(f"{self.path}/done", exist_ok=True)
            os.replace(self.file(task_id), f"{self.path}/done/{task_id}.json")
            return True

    def tasks(self) -> Iterator[Task]:
        """The tasks that are done, then those that are not."""
        if os.path.isdir(f"{self.path}/done"):
            for name in os.listdir(f"{self.path}/done"):
                with open(f"{self.path}/done/{name}", encoding="utf-8") as file:
                    yield Task.from_json(file.read())
        yield from super().tasks()
