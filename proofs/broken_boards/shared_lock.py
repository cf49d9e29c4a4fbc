"""The lock is a shared one, as for readers, and so everybody holds it at once."""

from __future__ import annotations

import fcntl
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Locks with LOCK_SH."""

    def lock(self) -> int:
        descriptor = self.open_lock()
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor
