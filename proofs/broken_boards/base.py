"""The board that the broken ones and the safe ones change in one place each; itself correct.

One lock for everything that writes, all files read for each claim, whole files put in place by a
replace; readers take no lock. Every step is a method, so that a subclass shows what it changes
and nothing else.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from proofs.harness.invariants import INVARIANTS
from strategies.programs import Ask
from swarm.errors import CorruptTaskError
from swarm.task import Task, TaskStatus

CLAIM = (Ask("claim_next"),)
CLAIM_AND_COMPLETE = (Ask("claim_next"), Ask("complete"))
CLAIM_AFTER_THE_LEASE = (Ask("advance", seconds=3600.0), Ask("claim_next"))
CANCEL = (Ask("cancel", "t1", fenced=False),)
WITHOUT_DAMAGE = frozenset(INVARIANTS) - {"S12"}
"""What is promised by a board that was not made for damaged files."""
LEASE_SECONDS = 3600.0
NO_FILES = (errno.EISDIR, errno.ELOOP, errno.ENXIO)
"""What the system says of a directory, of links that lead round and of a socket."""


class LockAndScan:
    """A board on the files ``<storage_path>/<task_id>.json``, locked by ``.board.lock``."""

    promises: ClassVar[dict[str, Any]] = {
        "attempts_max": None,
        "clock": "wall",
        "invariants": WITHOUT_DAMAGE,
    }
    lock_name = ".board.lock"

    def __init__(self, storage_path: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self.path = storage_path
        self.lease_seconds = lease_seconds
        os.makedirs(self.path, exist_ok=True)

    def post(self, task: Task) -> None:
        """Put a new task there. Raises FileExistsError if the id is taken."""
        with self.held():
            self.refuse_taken(task.task_id)
            self.write(task)

    def get(self, task_id: str) -> Task | None:
        """The task as it is now."""
        return self.read(task_id)

    def claim(self, task_id: str, agent_id: str) -> Task | None:
        """The task, granted; None if it is not free."""
        with self.held():
            task = self.read(task_id)
            return self.grant(task, agent_id) if task else None

    def claim_next(self, agent_id: str) -> Task | None:
        """The free task that comes first, granted; None if there is none."""
        with self.held():
            first = self.first_free()
            return self.grant(first, agent_id) if first else None

    def start(self, task_id: str, token: int | None = None) -> bool:
        """The holder begins to work."""
        return self.change(task_id, token, Task.start)

    def renew(self, task_id: str, token: int | None = None) -> bool:
        """The lease runs anew."""
        return self.change(task_id, token, lambda task: task.renew(now=self.now()))

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        """Done, with this result."""
        return self.change(task_id, token, lambda task: task.complete(result))

    def release(self, task_id: str, token: int | None = None) -> bool:
        """Give the task back."""
        return self.change(task_id, token, Task.release)

    def cancel(self, task_id: str, token: int | None = None) -> bool:
        """Not to be done any more."""
        return self.change(task_id, token, Task.cancel)

    def get_pending(self) -> list[Task]:
        """Those that wait to be claimed."""
        return [task for task in self.list_all() if task.status is TaskStatus.PENDING]

    def list_all(self) -> list[Task]:
        """Every task, in the order of claims."""
        return sorted(self.tasks(), key=Task.order_key)

    def change(self, task_id: str, token: int | None, move: Callable[[Task], bool]) -> bool:
        """Read, move and write a task under the lock; False if it may not move so."""
        with self.held():
            task = self.read(task_id)
            if task is None or token not in (None, task.token) or not move(task):
                return False
            self.write(task)
            return True

    def grant(self, task: Task, agent_id: str) -> Task | None:
        """Write the task as claimed, if it is free."""
        if self.has_lapsed(task):
            task.release()
        if not task.claim(agent_id, now=self.now(), lease_seconds=self.lease_seconds):
            return None
        self.write(task)
        return task

    def first_free(self) -> Task | None:
        """The task to claim next."""
        free = (
            task
            for task in self.tasks()
            if task.status is TaskStatus.PENDING or self.has_lapsed(task)
        )
        return min(free, key=Task.order_key, default=None)

    def now(self) -> float:
        """The clock that leases go by."""
        return time.time()

    def has_lapsed(self, task: Task) -> bool:
        """Whether its holder has had it for as long as the lease."""
        return task.is_stale(self.now())

    def refuse_taken(self, task_id: str) -> None:
        """Raise FileExistsError if there is such a task."""
        if self.read(task_id) is not None:
            raise FileExistsError(task_id)

    def tasks(self) -> Iterator[Task]:
        """Each task that there is, as its file says."""
        for name in self.names():
            task = self.read(name.removesuffix(".json"))
            if task is not None:
                yield task

    def names(self) -> list[str]:
        """The files of tasks."""
        return [name for name in os.listdir(self.path) if name.endswith(".json")]

    def file(self, task_id: str) -> str:
        """Where a task is kept."""
        return f"{self.path}/{task_id}.json"

    def read(self, task_id: str) -> Task | None:
        """What the file of a task says."""
        try:
            with open(self.file(task_id), encoding="utf-8") as file:
                return Task.from_json(file.read())
        except FileNotFoundError:
            return None

    def write(self, task: Task) -> None:
        """Put the file of a task in place, whole."""
        temporary = self.temporary(task.task_id)
        with self.removed_on_error(temporary):
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(task.to_json_unchecked())
            os.replace(temporary, self.file(task.task_id))

    @contextmanager
    def removed_on_error(self, temporary: str) -> Iterator[None]:
        """A write that fails leaves nothing behind."""
        try:
            yield
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def temporary(self, task_id: str) -> str:
        """Where a file is written before it is put in place; a name that nobody else has."""
        return f"{self.path}/.{task_id}.{uuid.uuid4()}.tmp"

    @contextmanager
    def held(self) -> Iterator[None]:
        """With the lock held."""
        lock = self.lock()
        try:
            yield
        finally:
            self.unlock(lock)

    def lock(self) -> int:
        """Wait for the lock; a descriptor that holds it."""
        descriptor = self.open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open_lock(self) -> int:
        """A descriptor of the lock file."""
        return os.open(f"{self.path}/{self.lock_name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)

    def unlock(self, lock: int) -> None:
        """Let go of the lock."""
        os.close(lock)


class SkipsDamage(LockAndScan):
    """The same for files that others may damage: they are passed over, and left as they are."""

    promises: ClassVar[dict[str, Any]] = {"attempts_max": None, "clock": "wall"}

    def tasks(self) -> Iterator[Task]:
        """Each task that there is; what is none is for a person to mend."""
        for name in self.names():
            with suppress(CorruptTaskError):
                task = self.read(name.removesuffix(".json"))
                if task is not None:
                    yield task

    def read(self, task_id: str) -> Task | None:
        """What the file of a task says. Raises CorruptTaskError for one that is not its own."""
        try:
            with open(self.file(task_id), "rb") as file:
                task = Task.from_json(file.read(), self.file(task_id))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in NO_FILES:
                raise CorruptTaskError(self.file(task_id), "it is no file") from error
            raise
        self.check_id(task, task_id)
        return task

    def check_id(self, task: Task, task_id: str) -> None:
        """Raise CorruptTaskError where a file tells of another task than its name does."""
        if task.task_id != task_id:
            raise CorruptTaskError(self.file(task_id), f"it is of {task.task_id}")

    def temporary(self, task_id: str) -> str:
        """As before, but no id becomes part of it."""
        return f"{self.path}/.{uuid.uuid4()}.tmp"
