"""The lock is a file that is made once it is seen not to exist; two can see that at once."""

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
    """Looks for the lock file, then makes it."""

    def lock(self) -> int:
        path = f"{self.path}/{self.lock_name}"
        while os.path.exists(path):
            time.sleep(0.01)
        return os.open(path, os.O_RDWR | os.O_CREAT)

    def unlock(self, lock: int) -> None:
        os.close(lock)
        try:
            os.unlink(f"{self.path}/{self.lock_name}")
        except FileNotFoundError:
            pass
