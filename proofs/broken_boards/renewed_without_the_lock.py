"""The heartbeat reads the record and writes it back with a new time, without the lock.

What others wrote in between, here a cancellation, is gone.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CANCEL, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S14"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("renew")), CANCEL)


class Board(LockAndScan):
    """Renews in the background, and so without waiting."""

    def renew(self, task_id: str, token: int | None = None) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token) or not task.renew():
            return False
        self.write(task)
        return True
