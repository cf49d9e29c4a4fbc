"""A try for the lock file that fails cleans up after itself, and so removes the owner's file."""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 2
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Removes the lock file of another."""

    def lock(self) -> int:
        while not self.is_locked():
            time.sleep(0.01)
        return 0

    def is_locked(self) -> bool:
        """Whether this try has made the file."""
        path = f"{self.path}/{self.lock_name}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.unlock(0)
            return False
        return True

    def unlock(self, lock: int) -> None:
        try:
            os.unlink(f"{self.path}/{self.lock_name}")
        except FileNotFoundError:
            pass
