"""A task is taken off the queue to see whether it is for this agent, and put back if it is not.

Whoever polls meanwhile finds the queue empty, and goes home.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, ClassVar, Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S0"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = ((Ask("claim_next", types=("PARALLEL_SEARCH",)),), CLAIM)


class Board(LockAndScan):
    """Keeps the ids that wait in a file; nothing that was claimed comes back to it."""

    promises: ClassVar[dict[str, Any]] = {
        **LockAndScan.promises,
        "lease_seconds": None,
        "order": "any",
    }
    release = None  # type: ignore[assignment]

    def post(self, task: Task) -> None:
        super().post(task)
        self.put_back(task.task_id)

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        for _ in self.queue():
            task_id = self.taken_off()
            task = self.read(task_id) if task_id else None
            if task and capabilities is not None and task.task_type not in capabilities:
                self.put_back(task.task_id)
            elif task and (granted := self.claim(task.task_id, agent_id)):
                return granted
        return None

    def taken_off(self) -> str | None:
        """The id that has waited longest, and waits no more; None if none does."""
        with self.held():
            queue = self.queue()
            self.write_queue(queue[1:])
            return queue[0] if queue else None

    def put_back(self, task_id: str) -> None:
        """At the end."""
        with self.held():
            self.write_queue([*self.queue(), task_id])

    def queue(self) -> list[str]:
        """The ids that wait."""
        try:
            with open(f"{self.path}/.queue", encoding="utf-8") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def write_queue(self, task_ids: list[str]) -> None:
        """Whole, as any file here."""
        temporary = self.temporary("queue")
        with self.removed_on_error(temporary):
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(" ".join(task_ids))
            os.replace(temporary, f"{self.path}/.queue")
