"""A task that is done is taken for one whose claim has lapsed, and is done again."""

from __future__ import annotations

import time
from typing import Final

from proofs.broken_boards.base import (
    CLAIM_AFTER_THE_LEASE,
    CLAIM_AND_COMPLETE,
    LEASE_SECONDS,
    LockAndScan,
)
from swarm.task import Task, TaskStatus

INVARIANT: Final = "S14"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Looks at when a task was claimed, and not at what became of it."""

    def has_lapsed(self, task: Task) -> bool:
        return task.claimed_at is not None and time.time() - task.claimed_at >= LEASE_SECONDS

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if self.has_lapsed(task):
            task.status = TaskStatus.PENDING
        return super().grant(task, agent_id)
