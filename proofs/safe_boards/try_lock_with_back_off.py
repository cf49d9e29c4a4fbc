"""The lock is tried and, when refused, tried again after longer and longer pauses."""

from __future__ import annotations

import fcntl
import os
import time

from proofs.broken_boards.base import LockAndScan


class Board(LockAndScan):
    """Never waits in the kernel."""

    def lock(self) -> int:
        descriptor = self.open_lock()
        try:
            self.wait_for(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def wait_for(self, descriptor: int) -> None:
        """Try, and pause, until the lock is there."""
        pause_seconds = 0.001
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, 0.1)
