"""Tokens are dates, but for one that would not be larger than the last."""

from __future__ import annotations

import time

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Stands a clock that is set back."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if self.has_lapsed(task):
            task.release()
        token = max(task.token + 1, time.time_ns() // 1_000)
        if not task.claim(agent_id, token=token, lease_seconds=self.lease_seconds):
            return None
        self.write(task)
        return task
