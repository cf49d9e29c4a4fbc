"""Who does not get the lock file removes it all the same, in a ``finally`` meant for its owner."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("claim_next"), Ask("claim_next")))


class Board(LockAndScan):
    """Removes the lock file of another."""

    @contextmanager
    def held(self) -> Iterator[None]:
        try:
            self.lock()
            yield
        finally:
            try:
                os.unlink(f"{self.path}/{self.lock_name}")
            except FileNotFoundError:
                pass

    def lock(self) -> int:
        path = f"{self.path}/{self.lock_name}"
        for _ in range(3):
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))
                return 0
            except FileExistsError:
                time.sleep(0.01)
        raise TimeoutError(path)
