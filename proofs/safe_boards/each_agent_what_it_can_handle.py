"""Tasks whose claim has lapsed are given by type as those that wait are."""

from __future__ import annotations

from collections.abc import Collection

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task, TaskStatus


class Board(LockAndScan):
    """Asks the same of all."""

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        with self.held():
            able = (
                task
                for task in self.list_all()
                if capabilities is None or task.task_type in capabilities
            )
            free = (t for t in able if t.status is TaskStatus.PENDING or self.has_lapsed(t))
            first = next(free, None)
            return self.grant(first, agent_id) if first else None
