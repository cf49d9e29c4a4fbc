"""A lock that the system cannot give is taken for one that is not needed."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a1", "before", "flock *", 1, "ENOLCK"),)


class Board(LockAndScan):
    """Works on file systems without locks, too."""

    def lock(self) -> int:
        descriptor = self.open_lock()
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor
