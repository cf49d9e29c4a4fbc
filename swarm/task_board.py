"""TaskBoard: tasks as files in a directory, claimed by agents in threads and processes."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from swarm.board_lock import BoardLock
from swarm.checks import (
    as_type_names,
    check_agent,
    check_count,
    check_encoding,
    check_seconds,
    check_task_id,
)
from swarm.errors import (
    CorruptTaskError,
    DuplicateTaskError,
    InvalidTaskError,
    NewerFormatError,
    ReadOnlyBoardError,
    StillCorruptError,
    StorageMissingError,
    shown,
)
from swarm.listings import by_age, claimable, pending, results_by_parent
from swarm.moving import move_to_slot, new_slot
from swarm.own_places import check_directory
from swarm.page_file import DamagedPagesError
from swarm.quarantine import Quarantine, QuarantinedFile
from swarm.storage import make_directory, name_bytes_max, task_names, warn_of_network
from swarm.survey import Survey
from swarm.task import FINAL, LEASE_SECONDS_DEFAULT, Task, TaskStatus, TaskType
from swarm.task_file import SUFFIX, TaskFile, TaskWriter, encode
from swarm.task_index import TaskIndex
from swarm.token_store import TokenStore

Durability = Literal["power", "kill"]

_ROUNDS_MAX = 10  # on one task: each round the index learns how its file is, if it is whole

_log = logging.getLogger(__name__)


class TaskBoard:
    """A board of tasks in a directory, one readable JSON file each, ``<task_id>.json``.

    Any number of boards, in threads and processes, may be open on one directory; a board may be
    shared by threads and is fit for use in a forked child. Operations that change a task hold the
    lock ``.board.lock`` and answer whether they did; refusing changes nothing. Reading takes no
    lock and changes nothing.

    ``lease_seconds``: how long a claim made here holds without ``renew``.
    ``attempts_max``: a stale claim with that many grants fails for good; None sets no end.
    ``lock_timeout``: seconds to wait for the lock, then ``LockTimeoutError``.
    ``quarantine_after_seconds``: a damaged file that nobody changed for so long is moved away.
    ``rescan_seconds``: after so long the next look for work looks at every file.
    ``task_bytes_max``: the size of the largest task.
    ``durability``: "power": what was posted, and what is final, survives power loss, and no file
    is ever torn; "kill": what was done survives the death of processes only, and costs less.
    ``read_only``: nothing is ever written, not even the directory.
    ``clock``: seconds since the epoch, for leases.

    The directory is created with its parents. Warns with ``NetworkFileSystemWarning`` where locks
    may not hold. Raises ``InvalidTaskError`` for an option out of its range, and
    ``UnsafeStorageError`` for a directory that is a symbolic link, also later on.
    """

    def __init__(
        self,
        storage_path: str | os.PathLike[str],
        *,
        lease_seconds: float = LEASE_SECONDS_DEFAULT,
        attempts_max: int | None = 5,
        lock_timeout: float = 30.0,
        quarantine_after_seconds: float = 60.0,
        rescan_seconds: float = 60.0,
        task_bytes_max: int = 16 * 2**20,
        durability: Durability = "power",
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_seconds("lease_seconds", lease_seconds)
        check_seconds("lock_timeout", lock_timeout)
        check_seconds("quarantine_after_seconds", quarantine_after_seconds)
        check_seconds("rescan_seconds", rescan_seconds)
        if attempts_max is not None:
            check_count("attempts_max", attempts_max)
        check_count("task_bytes_max", task_bytes_max)
        if durability not in ("power", "kill"):
            raise InvalidTaskError("durability", 'be "power" or "kill"', shown(durability))
        self.storage_path = Path(storage_path)
        check_encoding()
        root = Path(os.path.abspath(storage_path))  # a later change of directory changes nothing
        self._lock = BoardLock(root / ".board.lock", lock_timeout)  # refuses a system without locks
        self._root = root
        self._prefix = f"{root}/"
        self.lease_seconds = lease_seconds
        self.attempts_max = attempts_max
        self.read_only = read_only
        self._bytes_max = task_bytes_max
        self._clock = clock
        self._synced = durability == "power"
        if not read_only:
            make_directory(root, synced=self._synced)
        check_directory(root)
        self._name_bytes_max = name_bytes_max(root)
        warn_of_network(root)
        self._writer = TaskWriter(root / ".tmp", synced=self._synced)
        self._index = TaskIndex(root / ".index" / "pages")
        self._tokens = TokenStore(root / ".tokens", self._writer)
        if not read_only:
            self._writer.prepare()
            self._tokens.prepare()
        self._quarantine = Quarantine(root / ".quarantine", self._writer, task_bytes_max)
        self._survey = Survey(
            root,
            self._index,
            self._quarantine,
            self._tokens,
            bytes_max=task_bytes_max,
            quarantine_after_seconds=quarantine_after_seconds,
            rescan_seconds=rescan_seconds,
        )

    # Operations that change a task.

    def check(self, task: Task) -> None:
        """Raise ``InvalidTaskError`` if ``post`` would; only whether the id is new is left out."""
        self._fresh(task)

    def post(self, task: Task) -> None:
        """Put a new task on the board, as PENDING and never granted, whatever it was before.

        Raises ``DuplicateTaskError`` if anything bears its id, a damaged file too, and
        ``InvalidTaskError`` for a task that could not be read again or is not PENDING.
        """
        fresh, data = self._fresh(task)
        with self._writing("post"):
            now = self._now()
            if not self._index.open() and not self._index.exists():
                self._survey.rebuild(now)  # cheapest before the first task is there
            self._put_new(fresh, data, now)

    def claim(self, task_id: str, agent_id: str) -> bool:
        """Grant this task to the agent, if it is pending or its claim is stale."""
        return self.claim_task(task_id, agent_id) is not None

    def claim_task(self, task_id: str, agent_id: str) -> Task | None:
        """As ``claim``; the task as it was granted, with its token, None if it was not."""
        check_task_id(task_id, self._name_bytes_max)
        check_agent(agent_id)
        with self._writing("claim"):
            now = self._now()
            found = self._survey.read(task_id)
            task = None if found is None else found.known()
            if task is None:
                return None
            if not self._index.open() and self._tokens.is_lost():
                self._survey.rebuild(now)  # then the files tell how far tokens have got
            return task if self._grant(task, agent_id, now) else None

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        """Grant the agent the first task that it can handle; None if there is none.

        First is the lowest priority number, then the oldest, then by id, among pending and stale
        tasks of the types in ``capabilities`` (names or ``TaskType``; None: any type at all).
        A file that the disk does not give is passed over; where nothing else can be granted,
        OSError is raised, for there may be a task.
        """
        check_agent(agent_id)
        types = as_type_names(capabilities)
        with self._writing("claim_next"):
            now = self._now()
            self._index.open()
            try:
                return self._claim_first(agent_id, types, now)
            except DamagedPagesError as error:
                _log.warning("making the index of %s anew: %s", self.storage_path, error)
                self._index.abandon()
                return self._claim_first(agent_id, types, now)

    def start(self, task_id: str, *, token: int | None = None) -> bool:
        """CLAIMED becomes IN_PROGRESS. Refused where ``token`` is not that of the last grant."""
        return self._change("start", task_id, token, lambda task, now: task.start())

    def renew(self, task_id: str, *, token: int | None = None) -> bool:
        """The lease runs anew from now; a claim nobody else took may be renewed when stale."""
        return self._change("renew", task_id, token, lambda task, now: task.renew(now=now))

    def complete(self, task_id: str, result: Any, *, token: int | None = None) -> bool:
        """CLAIMED or IN_PROGRESS becomes COMPLETED with this result, any JSON value."""
        return self._change("complete", task_id, token, lambda task, now: task.complete(result))

    def fail(
        self, task_id: str, error: str, *, token: int | None = None, retry: bool = False
    ) -> bool:
        """CLAIMED or IN_PROGRESS becomes FAILED, or PENDING again with ``retry``."""
        return self._change("fail", task_id, token, lambda task, now: task.fail(error, retry=retry))

    def release(self, task_id: str, *, token: int | None = None) -> bool:
        """CLAIMED or IN_PROGRESS becomes PENDING again."""
        return self._change("release", task_id, token, lambda task, now: task.release())

    def cancel(self, task_id: str, *, token: int | None = None) -> bool:
        """Anything that is not final becomes CANCELLED."""
        return self._change("cancel", task_id, token, lambda task, now: task.cancel())

    def requeue(self, task_id: str) -> bool:
        """A person's word: FAILED or CANCELLED becomes PENDING, its attempts counted anew."""
        return self._change("requeue", task_id, None, lambda task, now: task.requeue())

    def prune(self, older_than_seconds: float = 0.0) -> list[str]:
        """Move final tasks whose files are that old to ``.archive/<number>/``; their ids.

        They are off the board then: no listing, no progress and no reduction counts them.
        """
        check_seconds("older_than_seconds", older_than_seconds, zero=True)
        with self._writing("prune"):
            now = self._now()
            done = [
                task_id
                for task_id in sorted(task_names(self._root))
                if self._survey.is_final_since(task_id, now - older_than_seconds)
            ]
            if done:
                with new_slot(self._root / ".archive", self._writer) as slot:
                    for task_id in done:
                        move_to_slot(Path(self._path(task_id)), slot, self._writer)
            return done

    def restore(self, file: QuarantinedFile) -> Task:
        """Put a quarantined file back under its own name; mend its bytes where they lie before.

        Raises ``StillCorruptError`` while they are no task, and ``DuplicateTaskError`` if another
        one bears the id by now; then the file stays where it is.
        """
        with self._writing("restore"):
            self._quarantine.check(file)
            found = self._survey.read(file.task_id, file.path)
            if found is None:
                raise StillCorruptError(str(file.path), "it is gone")
            found.check_disk()
            if isinstance(found.task, NewerFormatError):
                raise found.task
            if isinstance(found.task, CorruptTaskError):
                raise StillCorruptError(str(file.path), found.task.reason)
            self._put_new(found.task, encode(found.task, self._bytes_max), self._now())
            self._quarantine.empty(file)
            return found.task

    def rebuild_index(self) -> None:
        """Make the index anew from all files, as whoever doubts it may ask at any moment."""
        with self._writing("rebuild_index"):
            self._survey.rebuild(self._now())
            self._save_index()

    # Operations that only read.

    def get(self, task_id: str) -> Task | None:
        """The task as it is now, None if there is none.

        Raises ``CorruptTaskError`` if what bears its id is not a task.
        """
        check_task_id(task_id, self._name_bytes_max)
        self._check_storage()
        found = self._survey.read(task_id)
        if found is None:
            return None
        found.check_disk()
        if isinstance(found.task, CorruptTaskError):
            raise found.task
        return found.task

    def list_all(self) -> list[Task]:
        """All tasks, oldest first. Damaged files are skipped, and named in the log.

        So are those of another user that this one may not read. Raises OSError, as all listings,
        where a file could not be read for another reason: a list without it would be wrong.
        """
        return by_age(self._tasks())

    def get_pending(self) -> list[Task]:
        """The pending tasks, in the order in which they are granted."""
        return pending(self._tasks())

    def get_claimable(self, timeout_seconds: float = LEASE_SECONDS_DEFAULT) -> list[Task]:
        """Pending tasks and claims at least that old, in the order in which they are granted.

        A listing only: whether a claim may be taken over is decided by its own lease.
        """
        check_seconds("timeout_seconds", timeout_seconds, zero=True)
        return claimable(self._tasks(), self._now() - timeout_seconds)

    def get_by_type(self, task_type: TaskType | str) -> list[Task]:
        """The tasks of this type, oldest first."""
        return [task for task in self.list_all() if task.task_type == task_type]

    def get_results_by_parent(self, parent_id: str) -> list[Any]:
        """The results of the completed tasks whose payload names this parent, in posting order."""
        return results_by_parent(self._tasks(), parent_id)

    def damaged(self) -> list[CorruptTaskError]:
        """What lies under tasks' names and is no task, and why."""
        found = (file.task for file in self._files())
        return [task for task in found if isinstance(task, CorruptTaskError)]

    def quarantined(self) -> list[QuarantinedFile]:
        """What was damaged and has been moved to ``.quarantine``, the oldest first."""
        return self._quarantine.files()

    # How they are done.

    @contextmanager
    def _writing(self, operation: str) -> Iterator[None]:
        """The lock is held; whatever fails, nothing half-done is kept in memory."""
        if self.read_only:
            raise ReadOnlyBoardError(operation, self.storage_path)
        with self._lock.held():
            try:
                yield
            except BaseException:
                self._index.forget()
                raise
            finally:
                self._index.close()

    def _change(
        self,
        operation: str,
        task_id: str,
        token: int | None,
        step: Callable[[Task, float], bool],
    ) -> bool:
        """Read a task, take a step if the token is not superseded, write it."""
        check_task_id(task_id, self._name_bytes_max)
        if token is not None:
            check_count("token", token, zero=True)
        with self._writing(operation):
            now = self._now()
            found = self._survey.read(task_id)
            task = None if found is None else found.known()
            if task is None:
                self._check_storage()
                return False
            was_final = task.status in FINAL
            if token not in (None, task.token) or not step(task, now):
                return False
            self._write(task, now, durable=was_final or task.status in FINAL)
            return True

    def _claim_first(self, agent_id: str, types: frozenset[str] | None, now: float) -> Task | None:
        """Grant the first ready task; none is granted on the word of the index alone."""
        rechecked = False
        self._survey.bring_up_to_date(now)
        last_id, rounds = None, 0
        while rounds < _ROUNDS_MAX:
            if self._index.facts is None:  # it could not be written, and was dropped
                self._survey.bring_up_to_date(now)
            task_id = self._index.first_ready(types)
            if task_id is None:
                if rechecked:
                    self._save_index()
                    self._survey.check_disk()
                    return None
                self._survey.recheck(now)
                rechecked = True
                continue
            rounds = rounds + 1 if task_id == last_id else 0
            last_id = task_id
            task = self._survey.examine(task_id, now)  # None: the file says otherwise
            if task is not None and self._grant(task, agent_id, now):
                return task
        raise DamagedPagesError(f"it names {last_id!r} as ready, which it is not, again and again")

    def _grant(self, task: Task, agent_id: str, now: float) -> bool:
        """Claim a task that was just read; or end it, if its attempts are used up."""
        if task.is_stale(now) and self._has_used_up_attempts(task):
            task.fail(f"all {task.attempts} attempts are used up, the last by {task.claimed_by!r}")
            self._write(task, now, durable=True)
            return False
        if task.status is not TaskStatus.PENDING and not task.is_stale(now):
            return False
        facts = self._index.facts
        token = self._tokens.take(max(task.token, facts.token_largest if facts else 0))
        task.claim(agent_id, now=now, lease_seconds=self.lease_seconds, token=token)
        self._write(task, now, durable=False, checked=False)
        return True

    def _fresh(self, task: Task) -> tuple[Task, bytes]:
        """The task as it is when it is posted, and its bytes."""
        check_task_id(task.task_id, self._name_bytes_max)
        if task.status is not TaskStatus.PENDING:
            raise InvalidTaskError("the status of a task to post", "be PENDING", shown(task.status))
        fresh = replace(
            task,
            claimed_by=None,
            claimed_at=None,
            result=None,
            token=0,
            attempts=0,
            lease_seconds=None,
        )
        return fresh, encode(fresh, self._bytes_max)

    def _has_used_up_attempts(self, task: Task) -> bool:
        return self.attempts_max is not None and task.attempts >= self.attempts_max

    def _write(self, task: Task, now: float, *, durable: bool, checked: bool = True) -> None:
        data = encode(task, self._bytes_max, checked=checked)
        self._put(task, data, now=now, durable=durable)

    def _put_new(self, task: Task, data: bytes, now: float) -> None:
        if not self._put(task, data, now=now, durable=True, new=True):
            raise DuplicateTaskError(task.task_id, Path(self._path(task.task_id)))

    def _put(
        self,
        task: Task,
        data: bytes,
        *,
        now: float,
        durable: bool,
        new: bool = False,
    ) -> bool:
        """Write the file of a task, then the index, which may fail without harm.

        False if it was to be ``new`` and anything bears its name.
        """
        path = self._path(task.task_id)
        known = self._index.facts is not None or self._index.open()
        in_step = known and self._survey.is_in_step()
        if new:
            if not self._writer.create(path, data, durable=durable):
                return False
        else:
            self._writer.replace(path, data, durable=durable)
        if known:
            try:
                self._survey.note(task, now, in_step=in_step)
            except (OSError, DamagedPagesError) as error:
                self._give_up_index(error)
            else:
                self._save_index()
        return True

    def _save_index(self) -> None:
        try:
            self._index.save()
        except (OSError, DamagedPagesError) as error:
            self._give_up_index(error)

    def _give_up_index(self, error: Exception) -> None:
        """The files are the truth: an index that cannot be kept is dropped, and made anew later."""
        _log.warning("dropping the index of %s: %s", self.storage_path, error)
        self._index.abandon()

    def _tasks(self) -> Iterator[Task]:
        for found in self._files():
            task = found.known()
            if task is None:
                _log.warning("skipping a damaged file: %s", found.task)
            else:
                yield task

    def _files(self) -> Iterator[TaskFile]:
        for task_id in task_names(self._root):
            found = self._survey.read(task_id)
            if found is not None:
                yield found

    def _path(self, task_id: str) -> str:
        return f"{self._prefix}{task_id}{SUFFIX}"

    def _check_storage(self) -> None:
        if not check_directory(self._root):
            raise StorageMissingError(self.storage_path)

    def _now(self) -> float:
        now = self._clock()
        if not math.isfinite(now):
            raise InvalidTaskError("the board's clock", "tell a finite time", shown(now))
        return now
