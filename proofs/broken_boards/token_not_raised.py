"""A grant keeps the token that the task has, so nobody can tell the old holder from the new one."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("release")), CLAIM)


class Board(LockAndScan):
    """Gives each task one token, for all its life."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if self.has_lapsed(task):
            task.release()
        if not task.claim(agent_id, token=1, lease_seconds=self.lease_seconds):
            return None
        self.write(task)
        return task
