"""The lock is a file that only one agent can make, and only its owner removes it."""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import LockAndScan

STANDS_FAULTS: Final = False
"""Whoever dies or fails as it lets go leaves the lock behind."""


class Board(LockAndScan):
    """Locks with O_EXCL."""

    def lock(self) -> int:
        while True:
            try:
                return os.open(f"{self.path}/{self.lock_name}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                time.sleep(0.01)

    def unlock(self, lock: int) -> None:
        os.close(lock)
        os.unlink(f"{self.path}/{self.lock_name}")
