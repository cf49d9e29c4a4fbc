"""Files that are no tasks are passed over and left for a person; ids must be names of files."""

from __future__ import annotations

from proofs.broken_boards.base import SkipsDamage


class Board(SkipsDamage):
    """The twin of those that damage or an id leads astray."""

    def file(self, task_id: str) -> str:
        """Where a task is kept. Raises ValueError for what is no name of a file."""
        if "/" in task_id or "\0" in task_id or task_id.startswith("."):
            raise ValueError(f"task_id must be the name of a visible file, got {task_id!r}")
        return super().file(task_id)
