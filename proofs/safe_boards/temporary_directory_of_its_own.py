"""Files are written in a directory beside, by pathlib, under names that only the lock protects."""

from __future__ import annotations

from pathlib import Path

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """One temporary name for each task; all writers hold the lock."""

    def write(self, task: Task) -> None:
        temporary = Path(self.path, ".new", task.task_id)
        temporary.parent.mkdir(exist_ok=True)
        with self.removed_on_error(str(temporary)):
            temporary.write_text(task.to_json_unchecked(), encoding="utf-8")
            temporary.replace(self.file(task.task_id))
