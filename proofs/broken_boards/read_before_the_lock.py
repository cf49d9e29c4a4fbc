"""A completion reads the record before it has the lock, and writes it inside.

What others wrote in between, here a cancellation, is gone.
"""

from __future__ import annotations

from typing import Any, Final

from proofs.broken_boards.base import CANCEL, CLAIM_AND_COMPLETE, LockAndScan

INVARIANT: Final = "S14"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CANCEL)


class Board(LockAndScan):
    """Reads, locks, writes."""

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token) or not task.complete(result):
            return False
        with self.held():
            self.write(task)
        return True
