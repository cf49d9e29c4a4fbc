"""The holder keeps the record that it was granted and writes that back as completed.

What others wrote since, here that the lease ran out and somebody else works on it, is gone.
"""

from __future__ import annotations

from typing import Any, Final

from proofs.broken_boards.base import CLAIM_AFTER_THE_LEASE, CLAIM_AND_COMPLETE, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S5"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Trusts its memory."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        self.granted = super().grant(task, agent_id)
        return self.granted

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        if self.granted is None or not self.granted.complete(result):
            return False
        with self.held():
            self.write(self.granted)
        return True
