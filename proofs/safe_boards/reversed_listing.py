"""The directory is read backwards, and by scandir."""

from __future__ import annotations

import os

from proofs.broken_boards.base import LockAndScan


class Board(LockAndScan):
    """Its order does not come from the directory."""

    def names(self) -> list[str]:
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries if entry.is_file()]
        return [name for name in reversed(names) if name.endswith(".json")]
