"""A POSIX lock instead of flock; these are granted to processes, so a thread lock stands before it.

The lock file is opened by nobody else meanwhile, since closing it would let go of the lock.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from proofs.broken_boards.base import LockAndScan

_threads = threading.Lock()


class Board(LockAndScan):
    """Locks with lockf."""

    @contextmanager
    def held(self) -> Iterator[None]:
        with _threads, open(f"{self.path}/{self.lock_name}", "a", encoding="utf-8") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            yield
