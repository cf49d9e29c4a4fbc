"""A release takes any claim for one's own: it looks who holds the task before it has the lock."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM_AFTER_THE_LEASE, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S6"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("release")), CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Gives back what may be another's by now."""

    def release(self, task_id: str, token: int | None = None) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token) or not task.release():
            return False
        with self.held():
            self.write(task)
        return True
