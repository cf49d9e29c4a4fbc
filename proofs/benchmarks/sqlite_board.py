"""A board for comparison: one SQLite table, a claim is one ``UPDATE … RETURNING``.

As lean as this way can be: no leases, no tokens, no checks, and no file that a person can ``cat``.
In WAL mode, the fastest of the safe ones: a claim among 10,000 tasks took 21 µs on a RAM disk and
250 µs, synced, on ext4; with a rollback journal 48 and 750 µs. Waiting for another writer is left
to SQLite's own busy handler.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from swarm.task import Task

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, task_type TEXT, description TEXT, status TEXT, priority INTEGER,
    created_at REAL, claimed_by TEXT, claimed_at REAL, result TEXT, payload TEXT
);
CREATE INDEX IF NOT EXISTS pending ON tasks (priority, created_at, task_id)
    WHERE status = 'PENDING';
"""
_CLAIM: Final = """
UPDATE tasks SET status = 'CLAIMED', claimed_by = ?, claimed_at = ?
WHERE rowid = (
    SELECT rowid FROM tasks WHERE status = 'PENDING'
    ORDER BY priority, created_at, task_id LIMIT 1
)
RETURNING *
"""
_COMPLETE: Final = """
UPDATE tasks SET status = 'COMPLETED', result = ? WHERE task_id = ? AND status = 'CLAIMED'
"""
_BUSY_SECONDS = 60.0
_SYNCHRONOUS: Final = {"power": "FULL", "kill": "NORMAL"}  # in WAL mode NORMAL syncs no commit


class SQLiteBoard:
    """``durability`` is "power" (each commit is synced) or "kill"."""

    def __init__(self, storage_path: Path, *, durability: str = "power") -> None:
        storage_path.mkdir(parents=True, exist_ok=True)
        # isolation_level None: every statement is a transaction, as SQLite itself has it
        self._database = sqlite3.connect(
            storage_path / "board.sqlite", timeout=_BUSY_SECONDS, isolation_level=None
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        self._database.executescript(_SCHEMA)

    def post_all(self, tasks: Iterable[dict[str, Any]]) -> None:
        """Put in many tasks in one transaction."""
        names = "task_id, task_type, description, status, priority, created_at, payload"
        rows = ({**fields, "payload": json.dumps(fields["payload"])} for fields in tasks)
        values = ", ".join(f":{name}" for name in names.split(", "))
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(f"INSERT INTO tasks ({names}) VALUES ({values})", rows)

    def claim_next(self, agent_id: str) -> Task | None:
        """The pending task that comes first, claimed; None if there is none."""
        # fetchall, as the statement commits only when it has been read to its end
        rows = self._database.execute(_CLAIM, (agent_id, time.time())).fetchall()
        if not rows:
            return None
        task = Task(*rows[0])
        task.payload = json.loads(rows[0][-1])
        return task

    def complete(self, task_id: str, result: Any) -> bool:
        """Whether the task was claimed; then it holds the result now."""
        return self._database.execute(_COMPLETE, (json.dumps(result), task_id)).rowcount == 1

    def statuses(self) -> list[str]:
        """The status of every task."""
        return [status for (status,) in self._database.execute("SELECT status FROM tasks")]

    def close(self) -> None:
        """Close the database; the board is of no use afterwards."""
        self._database.close()
