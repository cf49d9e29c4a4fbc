"""The last token is in an index that is never synced, and is else counted from the tasks' files."""

from __future__ import annotations

from proofs.broken_boards.durable import IndexedLockAndScan


class Board(IndexedLockAndScan):
    """An index that is lost costs a look at all files."""
