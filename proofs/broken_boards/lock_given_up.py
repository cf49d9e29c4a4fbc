"""After a second try the board goes on without the lock: better late than never."""

from __future__ import annotations

import fcntl
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 2
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Tries, pauses, tries once more."""

    def lock(self) -> int:
        descriptor = self.open_lock()
        if not self.locked(descriptor):
            time.sleep(0.05)
            self.locked(descriptor)
        return descriptor

    def locked(self, descriptor: int) -> bool:
        """Whether the lock could be had at once."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
