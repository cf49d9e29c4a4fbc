"""The tasks are read once, when the board is opened, and claims go by what was read then."""

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
    """Reads the directory once."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path)
        self.cached = list(super().tasks())

    def tasks(self) -> Iterator[Task]:
        """As they were."""
        return iter(self.cached)
