"""A lease that nobody set is NaN, and no time that has passed is ever as long as that."""

from __future__ import annotations

import os
import time
from typing import Final

from proofs.broken_boards.base import CLAIM, CLAIM_AFTER_THE_LEASE, LockAndScan
from swarm.task import HELD, Task

INVARIANT: Final = "L2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM_AFTER_THE_LEASE)


class Board(LockAndScan):
    """Takes its lease from the environment."""

    configured = float(os.environ.get("BOARD_LEASE_SECONDS", "nan"))

    def has_lapsed(self, task: Task) -> bool:
        return task.status in HELD and time.time() - (task.claimed_at or 0.0) >= self.configured
