"""Whether a lease has run out is decided before the lock is taken, and not again.

Meanwhile its holder renewed it.
"""

from __future__ import annotations

import time
from typing import Final

from proofs.broken_boards.base import CLAIM_AFTER_THE_LEASE, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S4"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("renew")), CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Takes from the holder what was stale a moment ago."""

    def claim_next(self, agent_id: str) -> Task | None:
        stale = [task.task_id for task in self.tasks() if task.is_stale(time.time())]
        with self.held():
            for task in self.list_all():
                if task.task_id in stale:
                    task.release()
                if self.grant(task, agent_id):
                    return task
        return None
