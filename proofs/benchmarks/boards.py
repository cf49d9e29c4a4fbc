"""The boards that are compared: how each is opened, filled and looked into from outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from proofs.benchmarks.lock_and_scan_board import LockAndScanBoard
from proofs.benchmarks.sqlite_board import SQLiteBoard
from swarm.task import Task, TaskType

LOCK_AND_SCAN_TASKS_MAX: Final = 10_000
"""It reads every file for every claim: beyond this a single claim takes seconds."""

Durability = Literal["power", "kill"]

RESULT: Final = {"found": 3, "note": "nothing to mend"}
"""What every task is completed with."""


class Kind(StrEnum):
    """The boards, by the names they are printed under."""

    OURS = "TaskBoard"
    LOCK_AND_SCAN = "lock-and-scan"
    SQLITE = "SQLite"


class Board(Protocol):
    """What a comparison asks of a board."""

    def claim_next(self, agent_id: str) -> Task | None: ...

    def complete(self, task_id: str, result: Any) -> bool: ...


class Opener(Protocol):
    """Opens a board on a directory."""

    def __call__(self, storage_path: Path, *, durability: Durability) -> Board: ...


def opener(kind: Kind) -> Opener:
    """Imports all that opening such a board needs, so that opening can be timed without."""
    if kind is Kind.LOCK_AND_SCAN:
        return LockAndScanBoard
    if kind is Kind.SQLITE:
        return SQLiteBoard
    from swarm.task_board import TaskBoard  # not at the top: it would grow the others' memory

    return TaskBoard


def close(board: Board) -> None:
    """Close what this board keeps open, if it knows how to."""
    closed: Callable[[], None] = getattr(board, "close", lambda: None)
    closed()


def is_measured(kind: Kind, tasks: int) -> bool:
    """Whether a board of this many tasks can be measured in reasonable time."""
    return kind is not Kind.LOCK_AND_SCAN or tasks <= LOCK_AND_SCAN_TASKS_MAX


def fill(kind: Kind, directory: Path, tasks: int) -> None:
    """Put pending tasks there in the fastest legal way; posting is not what is measured.

    For the boards of files that is to write the files, ten fields each: ``TaskBoard`` finds them
    when it next looks for work.
    """
    directory.mkdir(parents=True)
    if kind is Kind.SQLITE:
        board = SQLiteBoard(directory, durability="kill")
        board.post_all(_pending_tasks(tasks))
        board.close()
        return
    for fields in _pending_tasks(tasks):
        path = f"{directory}/{fields['task_id']}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, json.dumps(fields).encode())
        os.close(descriptor)


def statuses(kind: Kind, directory: Path) -> list[str]:
    """The status of every task there, read without asking the board."""
    if kind is Kind.SQLITE:
        board = SQLiteBoard(directory, durability="kill")
        found = board.statuses()
        board.close()
        return found
    return [str(json.loads(path.read_bytes())["status"]) for path in directory.glob("task-*.json")]


def _pending_tasks(tasks: int) -> Iterator[dict[str, Any]]:
    """Ten priorities and four types in turn, so that the order of claims is not that of names."""
    types = list(TaskType)
    for number in range(tasks):
        yield {
            "task_id": f"task-{number:06d}",
            "task_type": types[number % len(types)].value,
            "description": f"look at part {number}",
            "status": "PENDING",
            "priority": number * 7 % 10 + 1,
            "created_at": 1_700_000_000.0 + number / 1000,
            "claimed_by": None,
            "claimed_at": None,
            "result": None,
            "payload": {},
        }
