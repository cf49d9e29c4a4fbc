"""Only claims take the lock; a completion reads and writes without it.

Two completions of one task both find it claimed.
"""

from __future__ import annotations

from typing import Any, Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE, LockAndScan
from strategies.programs import Ask

INVARIANT: Final = "S9"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE, (Ask("complete", "t1", fenced=False),))


class Board(LockAndScan):
    """Thinks that a claimed task has but one writer."""

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        task = self.read(task_id)
        if task is None or token not in (None, task.token) or not task.complete(result):
            return False
        self.write(task)
        return True
