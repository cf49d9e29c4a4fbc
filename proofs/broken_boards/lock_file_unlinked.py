"""The lock file is removed when the lock is let go.

Who waits for it then gets a lock on a file without a name, and the next one makes a file anew.
"""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 2
TASKS: Final = 2
PROGRAMS: Final = ((Ask("claim_next"), Ask("claim_next")), CLAIM)


class Board(LockAndScan):
    """Leaves no lock file behind."""

    def unlock(self, lock: int) -> None:
        try:
            os.unlink(f"{self.path}/{self.lock_name}")
        except FileNotFoundError:
            pass  # whoever had waited has removed it
        super().unlock(lock)
