"""The boards of TaskBoardMachine: each lease under a name that another interpreter can find."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from swarm.task_board import TaskBoard

ATTEMPTS_MAX: Final = 3
QUARANTINE_AFTER_SECONDS: Final = 60.0
RESCAN_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens boards of one kind with one lease; all else is the same for all of them."""

    kind: type[TaskBoard]
    lease_seconds: float

    def __call__(self, storage_path: str, clock: Callable[[], float] = time.time) -> TaskBoard:
        """A board on this directory."""
        return self.kind(
            storage_path,
            lease_seconds=self.lease_seconds,
            attempts_max=ATTEMPTS_MAX,
            quarantine_after_seconds=QUARANTINE_AFTER_SECONDS,
            rescan_seconds=RESCAN_SECONDS,
            durability="kill",  # syncing shows nothing without power loss
            clock=clock,
        )


SHORT = Opener(TaskBoard, 10.0)
LONG = Opener(TaskBoard, 100)


def call(board: TaskBoard, operation: str, task_id: str, token: int | None, value: Any) -> bool:
    """Ask the board for this operation on a task, by the names that agents have for them."""
    if operation == "complete":
        return board.complete(task_id, value, token=token)
    if operation in ("fail", "retry"):
        return board.fail(task_id, str(value), token=token, retry=operation == "retry")
    if operation == "requeue":
        return board.requeue(task_id)
    return bool(getattr(board, operation)(task_id, token=token))
