"""The token of a claim is compared before the lock is taken, and not again.

Meanwhile the lease ran out and the task was granted to another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proofs.broken_boards.base import CLAIM_AFTER_THE_LEASE, CLAIM_AND_COMPLETE, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S5"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Checks who asks, then waits for the lock."""

    def change(self, task_id: str, token: int | None, move: Callable[[Task], bool]) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token):
            return False
        return super().change(task_id, None, move)
