"""A sync that failed is tried again, and answers well although the data were dropped meanwhile."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import POST, SyncedLockAndScan
from strategies.faults import Fault

INVARIANT: Final = "S8"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (POST, CLAIM)
FAULTS: Final = (Fault("a1", "before", "fsync .n1.*", 1, "EIO"),)


class Board(SyncedLockAndScan):
    """Syncs the same file until that succeeds."""

    def put(self, path: str, text: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            while not self.is_synced(file.fileno()):
                pass

    def is_synced(self, descriptor: int) -> bool:
        """Whether the call says so."""
        try:
            os.fsync(descriptor)
        except OSError:
            return False
        return True
