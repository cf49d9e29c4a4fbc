"""A claim is a rename to another directory, which one agent alone can do, and who fails goes on."""

from __future__ import annotations

import math
import os
from typing import Any, ClassVar

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Needs no lock to claim; what was claimed stays where it is."""

    promises: ClassVar[dict[str, Any]] = {**LockAndScan.promises, "lease_seconds": math.inf}

    claim = get = start = renew = complete = release = cancel = None  # type: ignore[assignment]
    get_pending = list_all = None  # type: ignore[assignment]

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path)
        os.makedirs(f"{self.path}/claimed", exist_ok=True)

    def refuse_taken(self, task_id: str) -> None:
        super().refuse_taken(task_id)
        if os.path.exists(f"{self.path}/claimed/{task_id}.json"):
            raise FileExistsError(task_id)

    def claim_next(self, agent_id: str) -> Task | None:
        while tasks := super().list_all():
            for task in tasks:
                if self.take(task.task_id):
                    return task
        return None

    def take(self, task_id: str) -> bool:
        """Whether this agent is the one that moved the file."""
        try:
            os.rename(self.file(task_id), f"{self.path}/claimed/{task_id}.json")
        except FileNotFoundError:
            return False
        return True
