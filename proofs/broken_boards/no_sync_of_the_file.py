"""A file gets its name before its data are on the disk: the name survives, and the data do not."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import POST, SyncedLockAndScan

INVARIANT: Final = "S8"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (POST, CLAIM)


class Board(SyncedLockAndScan):
    """Syncs the directory alone."""

    def put(self, path: str, text: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
