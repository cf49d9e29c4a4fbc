"""A claim writes its name into the file and looks whether it still stands there.

The other has looked and won by then, or has yet to write.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Takes having written last for having won."""

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        if first is None or not first.claim(agent_id, lease_seconds=self.lease_seconds):
            return None
        self.write(first)
        written = self.read(first.task_id)
        return written if written and written.claimed_by == agent_id else None
