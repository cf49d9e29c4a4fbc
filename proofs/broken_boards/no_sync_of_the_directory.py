"""The data of a file are on the disk, and its name is not: a task that was posted is gone."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import POST, SyncedLockAndScan

INVARIANT: Final = "S7"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (POST, CLAIM)


class Board(SyncedLockAndScan):
    """Syncs files alone."""

    def sync_directory(self) -> None:
        pass
