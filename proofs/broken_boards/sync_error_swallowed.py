"""A sync that failed is passed over, and the post is answered as if it had not."""

from __future__ import annotations

import os
from contextlib import suppress
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
    """Hopes for the best."""

    def put(self, path: str, text: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            with suppress(OSError):
                os.fsync(file.fileno())
