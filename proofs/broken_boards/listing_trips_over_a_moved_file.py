"""A completed task moves to another folder, and a listing opens each name that it found before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S16"
PREEMPTIONS: Final = 1
TASKS: Final = 2
PROGRAMS: Final = (CLAIM_AND_COMPLETE, (Ask("list_all"),))


class Board(LockAndScan):
    """Keeps what is done apart."""

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        with self.held():
            if not os.path.exists(self.file(task_id)):
                return False
            task = self.load(self.file(task_id))
            if token not in (None, task.token) or not task.complete(result):
                return False
            os.makedirs(f"{self.path}/done", exist_ok=True)
            self.write(task)
            os.replace(self.file(task_id), f"{self.path}/done/{task_id}.json")
            return True

    def tasks(self) -> Iterator[Task]:
        """The tasks that are not done, then those that are."""
        yield from [self.load(f"{self.path}/{name}") for name in self.names()]
        if os.path.isdir(f"{self.path}/done"):
            done = os.listdir(f"{self.path}/done")
            yield from [self.load(f"{self.path}/done/{name}") for name in done]

    def load(self, path: str) -> Task:
        """What a file says."""
        with open(path, encoding="utf-8") as file:
            return Task.from_json(file.read())
