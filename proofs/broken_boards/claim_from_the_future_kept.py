"""A claim that a wrong clock dated far ahead does not lapse before that day has come.

The board promises that one dated more than a lease ahead counts as lapsed.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

from proofs.broken_boards.base import CLAIM, LEASE_SECONDS, LockAndScan
from strategies.faults import Fault, set_clocks_by
from swarm.task import HELD, Task

INVARIANT: Final = "L2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a2", "before", "call *", 1, set_clocks_by(-7200)),)


class Board(LockAndScan):
    """Takes every date for one of the past."""

    promises: ClassVar[dict[str, Any]] = {
        "attempts_max": None,
        "clock": "wall",
        "stale_ahead": True,
    }

    def has_lapsed(self, task: Task) -> bool:
        return task.status in HELD and time.time() - (task.claimed_at or 0.0) >= LEASE_SECONDS
