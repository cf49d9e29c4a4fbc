"""A shared lock for the look is made exclusive for the write.

The kernel lets go of the one before it grants the other: somebody else may write in between.
"""

from __future__ import annotations

import fcntl
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Upgrades its lock."""

    def claim_next(self, agent_id: str) -> Task | None:
        descriptor = self.open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            first = self.first_free()
            if first is None:
                return None
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return self.grant(first, agent_id)
        finally:
            self.unlock(descriptor)
