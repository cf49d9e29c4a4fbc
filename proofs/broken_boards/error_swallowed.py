"""A write that fails is passed over in silence, and what was not done is answered with yes."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "S6"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE,)
FAULTS: Final = (Fault("a1", "before", "replace *", 1, "EIO"),)


class Board(LockAndScan):
    """Is never in the way of its agents."""

    def write(self, task: Task) -> None:
        with suppress(OSError):
            super().write(task)
