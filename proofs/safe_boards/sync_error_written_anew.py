"""After a sync that failed the data are written to a new file, which is synced in its turn."""

from __future__ import annotations

import os

from proofs.broken_boards.durable import SyncedLockAndScan


class Board(SyncedLockAndScan):
    """Tries again from the beginning, once."""

    def put(self, path: str, text: str) -> None:
        try:
            super().put(path, text)
        except OSError:
            os.unlink(path)
            super().put(path, text)
