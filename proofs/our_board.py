"""Our own board as the proofs open it where no other is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import swarm.task_board
from strategies.programs import PARENT
from swarm.errors import DuplicateTaskError
from swarm.task import LEASE_SECONDS_DEFAULT, Task
from swarm.task_file import encode


class TaskBoard(swarm.task_board.TaskBoard):
    """Without syncs: they cost much, and show nothing where no power is lost."""

    promises: ClassVar[dict[str, Any]] = {
        "clock": "wall",
        "persistence": "K",
        "stale_ahead": True,
        "tells_errors": True,
    }

    def __init__(self, storage_path: str, lease_seconds: float = LEASE_SECONDS_DEFAULT) -> None:
        super().__init__(storage_path, lease_seconds=lease_seconds, durability="kill")


class SyncedTaskBoard(swarm.task_board.TaskBoard):
    """With all that it does against a loss of power, and what fails when a sync does."""

    promises: ClassVar[dict[str, Any]] = {**TaskBoard.promises, "persistence": "S"}

    def __init__(self, storage_path: str, lease_seconds: float = LEASE_SECONDS_DEFAULT) -> None:
        super().__init__(storage_path, lease_seconds=lease_seconds)


MENDED: Final = ("n1", "n2")
"""The ids of the tasks that lie in quarantine, mended, once any other task was posted."""

_MENDED_BYTES_MAX: Final = 10_000


class KeptTaskBoard(SyncedTaskBoard):
    """As a person keeps it: a task is put back from quarantine, and the index is made anew.

    ``post`` of one of ``MENDED`` is ``restore``, and ``get`` comes after ``rebuild_index``. So both
    are judged as what they must look like to agents: a task is there that was not, and nothing else
    has changed.
    """

    def post(self, task: Task) -> None:
        """Restore it, if it is one of ``MENDED``; else post it as it is."""
        if task.task_id not in MENDED:
            super().post(task)
            self._lay_ready(task)
            return
        for file in self.quarantined():
            if file.task_id == task.task_id:
                self.restore(file)
                return
        raise DuplicateTaskError(task.task_id, self.storage_path / f"{task.task_id}.json")

    def get(self, task_id: str) -> Task | None:
        """After the index was made anew."""
        self.rebuild_index()
        return super().get(task_id)

    def _lay_ready(self, like: Task) -> None:
        """What a person has mended, each in a directory of its own."""
        for number, task_id in enumerate(MENDED, 1):
            slot = Path(self.storage_path, ".quarantine", f"{number:06d}")
            if slot.exists():
                continue
            slot.mkdir(parents=True)
            task = Task(task_id, like.task_type, "", created_at=1.0, payload={"parent_id": PARENT})
            Path(slot, f"{task_id}.json").write_bytes(encode(task, _MENDED_BYTES_MAX))
            Path(slot, ".reason.json").write_text('{"reason": "torn", "moved_at": 1.0}')
