"""A file is synced while its data are still in the buffer of the program."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import POST, SyncedLockAndScan

INVARIANT: Final = "S8"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (POST, CLAIM)


class Board(SyncedLockAndScan):
    """Flushes by closing, which comes after the sync."""

    def put(self, path: str, text: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            os.fsync(file.fileno())
