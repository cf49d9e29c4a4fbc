"""A call is answered at once, and what it wrote is synced by the next one, if there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AND_COMPLETE
from proofs.broken_boards.durable import SyncedLockAndScan

INVARIANT: Final = "S14"
PROOF: Final = "crashes"
MODEL: Final = "E"
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM)


class Board(SyncedLockAndScan):
    """Others see at once what was done; the disk has it later."""

    is_behind = False

    @contextmanager
    def held(self) -> Iterator[None]:
        with super().held():
            if self.is_behind:
                super().sync_directory()
            yield

    def sync_directory(self) -> None:
        self.is_behind = True
