"""Whether a lease has run out is decided before the lock is taken, and not again.

Meanwhile its holder renewed it.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM_AFTER_THE_LEASE, LockAndScan
from strategies.programs import Ask
from swarm.task import Task, TaskStatus

INVARIANT: Final = "S4"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("renew")), CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Takes from the holder what was stale a moment ago."""

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        if first is None:
            return None
        was_stale = first.status is not TaskStatus.PENDING
        with self.held():
            task = self.read(first.task_id)
            if task is not None and was_stale:
                task.release()
            return self.grant(task, agent_id) if task else None
