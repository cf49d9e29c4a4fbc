"""The last token is kept in an index that is never synced; without it tokens begin anew."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import IndexedLockAndScan

INVARIANT: Final = "S2"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(IndexedLockAndScan):
    """Takes a lost index for a new board."""

    def count_anew(self) -> int:
        return 0
