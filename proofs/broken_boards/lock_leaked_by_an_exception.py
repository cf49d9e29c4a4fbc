"""What is raised while the lock is held leaves it held, and everybody else waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault

INVARIANT: Final = "L1"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a1", "before", "replace *", 1, "EIO"),)


class Board(LockAndScan):
    """Has no ``finally``."""

    @contextmanager
    def held(self) -> Iterator[None]:
        lock = self.lock()
        yield
        self.unlock(lock)
