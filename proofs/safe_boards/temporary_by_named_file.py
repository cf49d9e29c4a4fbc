"""Temporary files come from NamedTemporaryFile, which may take them away by itself."""

from __future__ import annotations

import os
from tempfile import NamedTemporaryFile

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """A new task is linked to its name and its temporary file deleted at close; later: replaced."""

    def post(self, task: Task) -> None:
        """Refused by the link where the id is taken."""
        with self.held(), NamedTemporaryFile("w", dir=self.path, suffix=".tmp") as file:
            file.write(task.to_json_unchecked())
            file.flush()
            os.link(file.name, self.file(task.task_id))

    def write(self, task: Task) -> None:
        """Kept at close, and put in place."""
        made = NamedTemporaryFile("w", dir=self.path, suffix=".tmp", delete=False)  # noqa: SIM115
        with self.removed_on_error(made.name):
            with made as file:
                file.write(task.to_json_unchecked())
            os.replace(made.name, self.file(task.task_id))
