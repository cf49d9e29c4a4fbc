"""Claims take one lock and the changes of claimed tasks another, but both write the same files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proofs.broken_boards.base import CANCEL, CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S14"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CANCEL)


class Board(LockAndScan):
    """One lock for each kind of operation."""

    def change(self, task_id: str, token: int | None, move: Callable[[Task], bool]) -> bool:
        self.lock_name = ".change.lock"
        try:
            return super().change(task_id, token, move)
        finally:
            self.lock_name = ".board.lock"
