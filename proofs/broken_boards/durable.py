"""The boards that a crash shows to be broken change one of these in one place; these are correct.

As ``LockAndScan``, but each file is synced before it gets its name, and the directory before an
answer.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, ClassVar, Final

from proofs.broken_boards.base import LockAndScan
from strategies.programs import Ask
from swarm.task import Task

POST: Final = (Ask("post", "n1", fenced=False),)


class SyncedLockAndScan(LockAndScan):
    """Survives the loss of any change that was not synced, renames by halves among them."""

    promises: ClassVar[dict[str, Any]] = {**LockAndScan.promises, "persistence": "S"}

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        with self.removed_on_error(temporary):
            self.put(temporary, task.to_json_unchecked())
            os.replace(temporary, self.file(task.task_id))
        self.sync_directory()

    def put(self, path: str, text: str) -> None:
        """A file that holds this, and is on the disk; its name may not be."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def sync_directory(self) -> None:
        """The names are on the disk."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class JournaledLockAndScan(SyncedLockAndScan):
    """A completion goes to a journal, and to the task's file when the board is opened next.

    What the journal says counts; readers take the lock too.
    """

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path)
        with self.held():
            for name in sorted(os.listdir(self.path)):
                if name.endswith(".done"):
                    self.apply(name.removesuffix(".done"))

    def apply(self, task_id: str) -> None:
        """Take one completion over into the file of its task."""
        task = self.journaled(task_id)
        if task is not None:
            self.write(task)
        self.remove_from_journal(task_id)

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        with self.held():
            task = self.read(task_id)
            if task is None or token not in (None, task.token) or not task.complete(result):
                return False
            temporary = self.temporary(task_id)
            with self.removed_on_error(temporary):
                self.put(temporary, task.to_json_unchecked())
                os.replace(temporary, self.journal(task_id))
            self.sync_directory()
            return True

    def get(self, task_id: str) -> Task | None:
        with self.held():
            return super().get(task_id)

    def list_all(self) -> list[Task]:
        with self.held():
            return super().list_all()

    def read(self, task_id: str) -> Task | None:
        return self.journaled(task_id) or super().read(task_id)

    def journal(self, task_id: str) -> str:
        """Where the completion of a task waits."""
        return f"{self.path}/{task_id}.done"

    def journaled(self, task_id: str) -> Task | None:
        """The completed task, if it waits there."""
        try:
            with open(self.journal(task_id), encoding="utf-8") as file:
                return Task.from_json(file.read())
        except FileNotFoundError:
            return None

    def remove_from_journal(self, task_id: str) -> None:
        """It was taken over, and this is on the disk."""
        with suppress(FileNotFoundError):
            os.unlink(self.journal(task_id))
        self.sync_directory()


class IndexedLockAndScan(SyncedLockAndScan):
    """One counter gives all tokens; it is in an index that is not synced, and can be made anew."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        token = self.last_token() + 1
        if not task.claim(agent_id, token=token, lease_seconds=self.lease_seconds):
            return None
        temporary = self.temporary("index")
        with self.removed_on_error(temporary):
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(str(token))
            os.replace(temporary, f"{self.path}/.index")
        self.write(task)
        return task

    def last_token(self) -> int:
        """By the index, if there is one that can be read."""
        try:
            with open(f"{self.path}/.index", encoding="utf-8") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return self.count_anew()

    def count_anew(self) -> int:
        """The largest token in any task's file."""
        return max((task.token for task in self.tasks()), default=0)
