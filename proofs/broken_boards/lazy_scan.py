"""The scan under the lock is a generator, which reads the files once the lock was let go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Returns from the lock what was not read yet."""

    def claim_next(self, agent_id: str) -> Task | None:
        for task in sorted(self.scan(), key=Task.order_key):
            if self.grant(task, agent_id):
                return task
        return None

    def scan(self) -> Iterator[Task]:
        """The tasks, read under the lock."""
        with self.held():
            return (task for task in self.tasks())
