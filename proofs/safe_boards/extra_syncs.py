"""Files are written through descriptors, and everything is synced, before and after the replace.

What a write did not take is written by another one.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Syncs more than it needs to."""

    promises: ClassVar[dict[str, Any]] = {**LockAndScan.promises, "persistence": "S"}

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        with self.removed_on_error(temporary):
            self.write_synced(temporary, task.to_json_unchecked().encode())
            os.replace(temporary, self.file(task.task_id))
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def write_synced(self, path: str, data: bytes) -> None:
        """All of it, on the disk."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
            os.fdatasync(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
