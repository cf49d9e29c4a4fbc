"""Files are written in place, and readers take a shared lock on the same file as writers."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task

STANDS_FAULTS: Final = False
"""A write that fails half-way leaves half a file."""


class Board(LockAndScan):
    """Lets nobody read what is half written."""

    def get(self, task_id: str) -> Task | None:
        with self.shared():
            return self.read(task_id)

    def list_all(self) -> list[Task]:
        with self.shared():
            return super().list_all()

    def write(self, task: Task) -> None:
        with open(self.file(task.task_id), "w", encoding="utf-8") as file:
            file.write(task.to_json_unchecked())

    @contextmanager
    def shared(self) -> Iterator[None]:
        """With a lock that keeps writers out."""
        descriptor = self.open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            self.unlock(descriptor)
