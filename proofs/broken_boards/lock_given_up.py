"""After three tries the board goes on without the lock: better late than never."""

from __future__ import annotations

import fcntl
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Tries three times, with a pause after each."""

    def lock(self) -> int:
        descriptor = self.open_lock()
        for _ in range(3):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
        return descriptor
