"""The age of a claim is that of its file, and files bear the time of their post, as their order.

A task that has waited for as long as a lease is so taken from its holder at once.
"""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AFTER_THE_LEASE, LEASE_SECONDS, LockAndScan
from swarm.task import HELD, Task

INVARIANT: Final = "S4"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AFTER_THE_LEASE, CLAIM)


class Board(LockAndScan):
    """Goes by the times of files, for two things at once."""

    def write(self, task: Task) -> None:
        super().write(task)
        os.utime(self.file(task.task_id), (task.created_at, task.created_at))

    def has_lapsed(self, task: Task) -> bool:
        changed_at = os.stat(self.file(task.task_id)).st_mtime
        return task.status in HELD and time.time() - changed_at >= LEASE_SECONDS
