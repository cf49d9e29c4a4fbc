"""A claim is a link to the agent's own file under a name that only one agent can make."""

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
        own = self.temporary(agent_id)
        with self.removed_on_error(own), open(own, "w", encoding="utf-8") as file:
            file.write(agent_id)
        try:
            os.link(own, f"{self.path}/{task_id}.claimed")
        except FileExistsError:
            return False
        finally:
            os.unlink(own)
        return True
