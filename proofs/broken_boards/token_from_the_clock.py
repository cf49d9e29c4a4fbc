"""Tokens are dates, and grow only as long as nobody sets the clock back."""

from __future__ import annotations

import time
from typing import Final

from proofs.broken_boards.base import LockAndScan
from strategies.faults import Fault, set_clocks_by
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S2"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next"), Ask("release")), (Ask("claim_next"),))
FAULTS: Final = (Fault("a2", "before", "call *", 1, set_clocks_by(-3600)),)


class Board(LockAndScan):
    """Needs no counter."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if self.has_lapsed(task):
            task.release()
        token = time.time_ns() // 1_000
        if not task.claim(agent_id, token=token, lease_seconds=self.lease_seconds):
            return None
        self.write(task)
        return task
