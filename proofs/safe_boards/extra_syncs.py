"""Files are written through descriptors, and everything is synced, before and after the replace."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Syncs more than it needs to."""

    promises: ClassVar[dict[str, Any]] = {"attempts_max": None, "persistence": "S"}

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            os.write(descriptor, task.to_json_unchecked().encode())
            os.fdatasync(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, self.file(task.task_id))
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
