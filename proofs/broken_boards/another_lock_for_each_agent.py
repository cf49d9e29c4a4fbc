"""The name of the lock file differs from agent to agent, and so nobody ever waits."""

from __future__ import annotations

import uuid
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Locks a file that nobody else knows."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path)
        self.lock_name = f".board.{uuid.uuid4()}.lock"
