"""A claim is a marker file beside the task that only one agent can make."""

from __future__ import annotations

import math
import os
from typing import Any, ClassVar

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Needs no lock to claim."""

    promises: ClassVar[dict[str, Any]] = {**LockAndScan.promises, "lease_seconds": math.inf}

    claim = get = start = renew = complete = release = cancel = None  # type: ignore[assignment]
    get_pending = list_all = None  # type: ignore[assignment]

    def claim_next(self, agent_id: str) -> Task | None:
        tasks: list[Task] = []
        while True:
            seen, tasks = tasks, super().list_all()
            granted = next((task for task in tasks if self.take(task.task_id, agent_id)), None)
            if granted or tasks == seen:
                return granted  # none that was there at the second look is free

    def take(self, task_id: str, agent_id: str) -> bool:
        """Whether this agent is the one that makes the marker."""
        try:
            os.close(os.open(f"{self.path}/{task_id}.claimed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True
