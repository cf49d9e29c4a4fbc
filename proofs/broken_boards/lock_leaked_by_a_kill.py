"""The lock is a file that only one agent can make; that of an agent that was killed stays for ever.

Nobody else may remove it, for nobody knows whether its owner is alive.
"""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import KILL, Fault

INVARIANT: Final = "L1"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a1", "before", "listdir *", 1, KILL),)
GATE: Final = "processes"


class Board(LockAndScan):
    """Locks with O_EXCL, and waits for as long as it takes."""

    def lock(self) -> int:
        while True:
            try:
                return os.open(f"{self.path}/{self.lock_name}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                time.sleep(0.5)

    def unlock(self, lock: int) -> None:
        os.close(lock)
        os.unlink(f"{self.path}/{self.lock_name}")
