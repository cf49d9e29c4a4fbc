"""A thread renews each claim in the background, from the grant until its holder lets go of it.

It is a daemon, so it ends with its agent, and with it the claim lapses; and it ends by itself once
the claim is not its agent's any more.
"""

from __future__ import annotations

import threading
from typing import Any

from proofs.broken_boards.base import LEASE_SECONDS, LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Beats at a third of the lease."""

    is_daemon = True

    def __init__(self, storage_path: str, lease_seconds: float = LEASE_SECONDS) -> None:
        super().__init__(storage_path, lease_seconds)
        self._stops: dict[str, threading.Event] = {}

    def claim(self, task_id: str, agent_id: str) -> Task | None:
        return self.kept(super().claim(task_id, agent_id))

    def claim_next(self, agent_id: str) -> Task | None:
        return self.kept(super().claim_next(agent_id))

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        self.stop(task_id)
        return super().complete(task_id, result, token)

    def release(self, task_id: str, token: int | None = None) -> bool:
        self.stop(task_id)
        return super().release(task_id, token)

    def kept(self, task: Task | None) -> Task | None:
        """The same; if it was granted, its claim is renewed from now on."""
        if task is not None:
            self.stop(task.task_id)
            stop = self._stops[task.task_id] = threading.Event()
            beats = (task.task_id, task.token, stop)
            threading.Thread(target=self.beat, args=beats, daemon=self.is_daemon).start()
        return task

    def beat(self, task_id: str, token: int, stop: threading.Event) -> None:
        """Renew a claim until told to stop, or refused."""
        while not stop.wait(self.lease_seconds / 3):
            if not self.renew(task_id, token):
                return

    def stop(self, task_id: str) -> None:
        """No more renewals of this task by its agent."""
        if task_id in self._stops:
            self._stops.pop(task_id).set()
