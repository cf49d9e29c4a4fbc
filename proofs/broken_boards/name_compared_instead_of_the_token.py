"""Who holds a task is told by the agent's name, and its token is not looked at.

One that was restarted under its old name cannot be told from what it was before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AFTER_THE_LEASE, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S5"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = ((*CLAIM, *CLAIM_AFTER_THE_LEASE, Ask("complete", "t1", fenced=False, token=1)),)


class Board(LockAndScan):
    """Knows for whom it works from the last claim."""

    name = ""

    def claim_next(self, agent_id: str) -> Task | None:
        self.name = agent_id
        return super().claim_next(agent_id)

    def change(self, task_id: str, token: int | None, move: Callable[[Task], bool]) -> bool:
        with self.held():
            task = self.read(task_id)
            if task is None or task.claimed_by not in (None, self.name) or not move(task):
                return False
            self.write(task)
            return True
