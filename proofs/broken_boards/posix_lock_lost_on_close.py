"""A POSIX lock is lost when the process closes any other descriptor of the lock file.

Here the board reads the lock file, to see who held it last, while it holds the lock. A lock between
threads hides it from the threads of one process.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
GATE: Final = "processes"
PROGRAMS: Final = (CLAIM, CLAIM)


_threads = threading.Lock()  # POSIX locks are granted to processes


class Board(LockAndScan):
    """Reads its own lock file."""

    @contextmanager
    def held(self) -> Iterator[None]:
        with _threads, open(f"{self.path}/{self.lock_name}", "a", encoding="utf-8") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            self.last_holder()
            yield

    def last_holder(self) -> str:
        """Who wrote into the lock file."""
        with open(f"{self.path}/{self.lock_name}", encoding="utf-8") as file:
            return file.read()
