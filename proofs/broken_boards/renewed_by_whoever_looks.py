"""The age of a claim is that of its file, and who looks for work touches each file that it sees.

As long as somebody looks, no claim lapses.
"""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LEASE_SECONDS, LockAndScan
from strategies.programs import Ask
from swarm.task import HELD, Task

LOOK_AFTER_HALF: Final = (Ask("advance", seconds=LEASE_SECONDS / 2), Ask("claim_next"))

INVARIANT: Final = "L2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (*LOOK_AFTER_HALF, *LOOK_AFTER_HALF))


class Board(LockAndScan):
    """Notes when a file was last looked at."""

    def first_free(self) -> Task | None:
        found = super().first_free()
        for name in self.names():
            os.utime(f"{self.path}/{name}")
        return found

    def has_lapsed(self, task: Task) -> bool:
        changed_at = os.stat(self.file(task.task_id)).st_mtime
        return task.status in HELD and time.time() - changed_at >= LEASE_SECONDS
