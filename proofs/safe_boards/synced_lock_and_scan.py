"""Each file is synced before it gets its name, and its directory before the answer."""

from __future__ import annotations

from proofs.broken_boards.durable import SyncedLockAndScan


class Board(SyncedLockAndScan):
    """What it answered survives any loss of power."""
