"""A claim is taken over after half of its lease, so that no work is held up for long."""

from __future__ import annotations

import time
from typing import Final

from proofs.broken_boards.base import CLAIM, LEASE_SECONDS, LockAndScan
from strategies.programs import Ask
from swarm.task import HELD, Task

INVARIANT: Final = "S4"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("advance", seconds=LEASE_SECONDS / 2), Ask("claim_next")))


class Board(LockAndScan):
    """Is in a hurry."""

    def has_lapsed(self, task: Task) -> bool:
        return task.status in HELD and time.time() - (task.claimed_at or 0.0) >= LEASE_SECONDS / 2
