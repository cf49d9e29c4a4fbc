"""A lock file older than ten seconds is taken for a dead agent's and removed, by its name.

Nobody looks whether its owner is alive and only slow.
"""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("advance", seconds=20.0), Ask("claim_next")))


class Board(LockAndScan):
    """Breaks old locks."""

    def lock(self) -> int:
        while True:
            try:
                return os.open(f"{self.path}/{self.lock_name}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                self.wait_or_break()

    def wait_or_break(self) -> None:
        """Remove an old lock; pause before a young one."""
        try:
            age = time.time() - os.stat(f"{self.path}/{self.lock_name}").st_mtime
            if age > 10:
                os.unlink(f"{self.path}/{self.lock_name}")
            else:
                time.sleep(0.05)
        except FileNotFoundError:
            pass  # let go meanwhile

    def unlock(self, lock: int) -> None:
        os.close(lock)
        try:
            os.unlink(f"{self.path}/{self.lock_name}")
        except FileNotFoundError:
            pass  # broken by somebody
