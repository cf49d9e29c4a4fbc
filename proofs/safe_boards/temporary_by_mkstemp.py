"""Temporary files have random names, made by the tempfile module."""

from __future__ import annotations

import os
import tempfile

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Writes to what mkstemp opened."""

    def write(self, task: Task) -> None:
        descriptor, temporary = tempfile.mkstemp(".tmp", f".{task.task_id}.", self.path)
        with self.removed_on_error(temporary):
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(task.to_json_unchecked())
            os.replace(temporary, self.file(task.task_id))
