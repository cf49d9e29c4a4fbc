"""A claim is a marker beside the task, made before its file says who holds it, and since when.

An agent that is killed in between leaves a marker without a lease: the task never comes back.
"""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AFTER_THE_LEASE, LockAndScan
from strategies.faults import KILL, Fault
from swarm.task import Task, TaskStatus

INVARIANT: Final = "L2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM_AFTER_THE_LEASE)
FAULTS: Final = (Fault("a1", "before", "open w .t1.*.tmp", 1, KILL),)
GATE: Final = "processes"


class Board(LockAndScan):
    """Marks first, and writes then."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if task.status is TaskStatus.PENDING and not self.mark(task.task_id):
            return None
        return super().grant(task, agent_id)

    def mark(self, task_id: str) -> bool:
        """Whether this agent is the one that makes the marker."""
        try:
            os.close(os.open(f"{self.path}/{task_id}.claimed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def release(self, task_id: str, token: int | None = None) -> bool:
        done = super().release(task_id, token)
        if done:
            os.unlink(f"{self.path}/{task_id}.claimed")
        return done
