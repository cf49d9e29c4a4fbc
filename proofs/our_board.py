"""Our own board as the proofs open it where no other is named."""

from __future__ import annotations

from typing import Any, ClassVar

import swarm.task_board
from swarm.task import LEASE_SECONDS_DEFAULT


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
