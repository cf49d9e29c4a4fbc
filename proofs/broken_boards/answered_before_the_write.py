"""A post is answered once its id is seen to be free; a thread in the background then writes it.

Who is killed in between has posted nothing, and was told that it had.
"""

from __future__ import annotations

import threading
from typing import Final

from proofs.broken_boards.base import CLAIM
from proofs.broken_boards.durable import POST, SyncedLockAndScan
from swarm.task import Task

INVARIANT: Final = "S7"
PROOF: Final = "crashes"
MODEL: Final = "K"
TASKS: Final = 1
PROGRAMS: Final = (POST, CLAIM)


class Board(SyncedLockAndScan):
    """Lets nobody wait for the disk."""

    def post(self, task: Task) -> None:
        with self.held():
            self.refuse_taken(task.task_id)
        threading.Thread(target=self.put_there, args=(task,)).start()

    def put_there(self, task: Task) -> None:
        """Write a new task, some time."""
        with self.held():
            self.write(task)
