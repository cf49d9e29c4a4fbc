"""A board for comparison: one global lock, and every file read for every claim.

As lean as this way can be: no leases, no tokens, no checks. It claims and completes; who compares
fills the directory (``boards.fill``), in the format that ``swarm.task_board`` reads too.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from swarm.task import Task

Fields = dict[str, Any]


class LockAndScanBoard:
    """``durability`` is "power" (files and names are synced before a call returns) or "kill"."""

    def __init__(self, storage_path: Path, *, durability: str = "power") -> None:
        self._path = os.fspath(storage_path)
        self._synced = durability == "power"
        os.makedirs(self._path, exist_ok=True)
        self._directory = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._lock = os.open(f"{self._path}/.board.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)

    def claim_next(self, agent_id: str) -> Task | None:
        """The pending task that comes first, claimed; None if there is none."""
        with self._held():
            first = min(self._pending(), key=_order_key, default=None)
            if first is None:
                return None
            first.update(status="CLAIMED", claimed_by=agent_id, claimed_at=time.time())
            self._replace(first)
            return Task(**first)

    def complete(self, task_id: str, result: Any) -> bool:
        """Whether the task was claimed; then its file holds the result now."""
        with self._held():
            fields = _read(f"{self._path}/{task_id}.json")
            if fields["status"] != "CLAIMED":
                return False
            fields.update(status="COMPLETED", result=result)
            self._replace(fields)
            return True

    def close(self) -> None:
        """Close the descriptors; the board is of no use afterwards."""
        os.close(self._lock)
        os.close(self._directory)

    @contextmanager
    def _held(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _pending(self) -> Iterator[Fields]:
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.endswith(".json"):
                    fields = _read(entry.path)
                    if fields["status"] == "PENDING":
                        yield fields

    def _replace(self, fields: Fields) -> None:
        path = f"{self._path}/{fields['task_id']}.json"
        with open(f"{path}.tmp", "w", encoding="utf-8") as file:
            file.write(json.dumps(fields))
            if self._synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(f"{path}.tmp", path)
        if self._synced:
            os.fsync(self._directory)


def _order_key(fields: Fields) -> tuple[int, float, str]:
    return (fields["priority"], fields["created_at"], fields["task_id"])


def _read(path: str) -> Fields:
    with open(path, "rb", buffering=0) as file:
        fields: Fields = json.loads(file.read())
    return fields
