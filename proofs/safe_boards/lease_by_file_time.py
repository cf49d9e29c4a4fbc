"""A lease goes by the time of a file that each grant and each renewal touches.

The file bears the disk's time, and is compared with the caller's own clock.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from proofs.broken_boards.base import WITHOUT_DAMAGE, LockAndScan
from swarm.task import HELD, Task, TaskStatus


class Board(LockAndScan):
    """Keeps a file ``<task_id>.lease`` beside each task that was ever claimed."""

    promises: ClassVar[dict[str, Any]] = {"attempts_max": None, "invariants": WITHOUT_DAMAGE}

    def renew(self, task_id: str, token: int | None = None) -> bool:
        def touched(task: Task) -> bool:
            if not task.renew():
                return False
            self.touch(task_id)
            return True

        return self.change(task_id, token, touched)

    def grant(self, task: Task, agent_id: str) -> Task | None:
        if not self.is_free(task) or not (task.release() or task.status is TaskStatus.PENDING):
            return None
        self.touch(task.task_id)
        return super().grant(task, agent_id)

    def first_free(self) -> Task | None:
        return min(filter(self.is_free, self.tasks()), key=Task.order_key, default=None)

    def is_free(self, task: Task) -> bool:
        """Whether it is pending, or its lease has run out."""
        if task.status not in HELD:
            return task.status is TaskStatus.PENDING
        touched_at = os.stat(self.lease_file(task.task_id)).st_mtime
        return self.now() - touched_at >= self.lease_seconds

    def touch(self, task_id: str) -> None:
        """The lease begins now."""
        with open(self.lease_file(task_id), "w", encoding="utf-8"):
            pass

    def lease_file(self, task_id: str) -> str:
        """What bears the time of the grant."""
        return f"{self.path}/{task_id}.lease"
