"""What changed on a board between two looks, without reading what did not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from swarm.errors import CorruptTaskError
from swarm.file_times import stamp_of
from swarm.storage import task_names
from swarm.task import Task
from swarm.task_board import TaskBoard
from swarm.task_file import SUFFIX

_UNSETTLED_SECONDS = 3.0  # a file so young may change and keep its stamp: see swarm.file_times

Sight = Task | CorruptTaskError | None
"""How a task was seen: as it was, damaged, or not there."""


@dataclass(frozen=True, slots=True)
class Change:
    """A task that is not as it was seen last."""

    task_id: str
    before: Sight
    after: Sight


class Follower:
    """Looks at a board again and again. What came and went between two looks is not seen."""

    def __init__(self, board: TaskBoard, only: frozenset[str] | None = None) -> None:
        self._board = board
        self._only = only
        self._seen: dict[str, tuple[str, Sight]] = {}

    def look(self) -> list[Change]:
        """What changed since the last look, oldest tasks first; at the first, all there is."""
        storage = self._board.storage_path
        names = set(task_names(storage) if self._only is None else self._only)
        changes = [*self._changes(names)]
        for task_id in set(self._seen) - names:
            changes.append(Change(task_id, self._seen.pop(task_id)[1], None))
        return sorted(changes, key=_order)

    def states(self) -> dict[str, Sight]:
        """How each task was seen last."""
        return {task_id: sight for task_id, (_, sight) in self._seen.items()}

    def _changes(self, names: set[str]) -> Iterator[Change]:
        young = time.time() - _UNSETTLED_SECONDS
        for task_id in names:
            path = os.path.join(self._board.storage_path, f"{task_id}{SUFFIX}")
            stamp, changed_at = "", 0.0
            with suppress(FileNotFoundError):
                status = os.lstat(path)
                stamp, changed_at = stamp_of(status), status.st_mtime
            known = self._seen.get(task_id)
            if known is not None and known[0] == stamp and changed_at < young:
                continue
            before, after = known[1] if known else None, self._sight(task_id)
            self._seen[task_id] = (stamp, after)
            if _differs(before, after):
                yield Change(task_id, before, after)

    def _sight(self, task_id: str) -> Sight:
        try:
            return self._board.get(task_id)
        except CorruptTaskError as error:
            return error


def _differs(before: Sight, after: Sight) -> bool:
    if isinstance(before, CorruptTaskError) and isinstance(after, CorruptTaskError):
        return before.reason != after.reason
    return before != after


def _order(change: Change) -> tuple[float, str]:
    task = change.after if isinstance(change.after, Task) else change.before
    return (float(task.created_at) if isinstance(task, Task) else 0.0, change.task_id)
