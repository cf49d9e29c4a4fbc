"""A write that fails is tried again, twice, and what still fails is raised."""

from __future__ import annotations

from contextlib import suppress

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Sits out a passing error."""

    def write(self, task: Task) -> None:
        for _ in range(2):
            with suppress(OSError):
                super().write(task)
                return
        super().write(task)
