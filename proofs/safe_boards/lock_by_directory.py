"""The lock is a directory: making one succeeds for one agent alone."""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import LockAndScan

STANDS_FAULTS: Final = False
"""Whoever dies or fails as it lets go leaves the lock behind."""


class Board(LockAndScan):
    """Locks with mkdir."""

    def lock(self) -> int:
        while True:
            try:
                os.mkdir(f"{self.path}/{self.lock_name}")
                return 0
            except FileExistsError:
                time.sleep(0.01)

    def unlock(self, lock: int) -> None:
        os.rmdir(f"{self.path}/{self.lock_name}")
