"""Brings the index up to what the files say, reading as few of them as that takes."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from swarm.boot import boot_id
from swarm.errors import CorruptTaskError, StorageMissingError, readable
from swarm.file_times import UNSETTLED, FileClock, stamp_of
from swarm.index_lines import DAMAGED, DUE, FINAL, READY, Entry, order_key, time_key, type_key
from swarm.quarantine import Quarantine
from swarm.storage import task_names
from swarm.task import FINAL as FINAL_STATUSES
from swarm.task import HELD, LEASE_SECONDS_DEFAULT, Task, TaskStatus
from swarm.task_file import SUFFIX, TaskFile, read_task_file
from swarm.task_index import IndexFacts, TaskIndex
from swarm.token_store import LEAP_MAX, TokenStore

_log = logging.getLogger(__name__)


class Survey:
    """Looks at the storage directory of one board, under the board's lock.

    ``now`` is the board's clock throughout, in seconds.
    """

    def __init__(
        self,
        storage: Path,
        index: TaskIndex,
        quarantine: Quarantine,
        tokens: TokenStore,
        *,
        bytes_max: int,
        quarantine_after_seconds: float,
        rescan_seconds: float,
    ) -> None:
        self._storage = storage
        self._prefix = f"{storage}/"
        self._probe = storage / ".index" / "clock"
        self._index = index
        self._quarantine = quarantine
        self._tokens = tokens
        self._bytes_max = bytes_max
        self._quarantine_after_seconds = quarantine_after_seconds
        self._rescan_seconds = rescan_seconds
        self._not_read: dict[str, TaskFile] = {}  # in this look, as the disk failed

    def bring_up_to_date(self, now: float) -> None:
        """After this the index knows all new, removed and replaced files, and what lapsed."""
        facts = self._index.facts
        self._not_read.clear()
        if facts is None:
            self.rebuild(now)
        elif not self.is_in_step() or not 0 <= now - facts.listed_at < self._rescan_seconds:
            self.rescan(now)
        self._wake(now)

    def rebuild(self, now: float) -> None:
        """Make the index anew from all files."""
        self._index.abandon()
        with suppress(OSError):  # then there is no index on the disk either, only in memory
            os.mkdir(self._probe.parent)
        clock = self._find_clock()
        before = self._settled(clock, self._directory_status())
        facts = IndexFacts(boot_id(), clock.fine, before, now)
        found = ((task_id, self._look_at(task_id)) for task_id in task_names(self._storage))
        entries = [self._entry(i, file, facts, now) for i, file in found if file is not None]
        self._index.create(entries, facts)

    def rescan(self, now: float) -> None:
        """Read the files that are new or look other than they did."""
        facts = self._facts
        before = self._directory_stamp()
        known = dict(self._index.stamps())
        for task_id, status in self._listing():
            if known.pop(task_id, None) != stamp_of(status):
                self.examine(task_id, now)
        for task_id in known:
            self._index.remove(task_id)
        facts.directory, facts.listed_at, facts.changed_since_listed = before, now, False

    def recheck(self, now: float) -> None:
        """After this the index knows all pending and claimed files as they are, edited or not.

        What somebody else does between the board's own look at the directory and its own change
        of it leaves no trace in the directory's times; so after own changes all names are listed.
        """
        if self._facts.changed_since_listed:
            self.rescan(now)
            return
        for task_id in list(self._index.open_ids()):
            entry = self._index.entry(task_id)
            if entry is None or entry.stamp != self._stamp_at(task_id):
                self.examine(task_id, now)

    def examine(self, task_id: str, now: float) -> Task | None:
        """Read a file, and note it in the index as it is; a damaged one may go to quarantine.

        Answers the task if there is one and it is as the index knew it.
        """
        found = self._look_at(task_id)
        if found is None or self._quarantined(task_id, found, now):
            self._index.remove(task_id)
            return None
        if isinstance(found.task, Task) and found.task.status is TaskStatus.PENDING:
            known = self._index.entry(task_id)
            if known is not None and known.stamp == stamp_of(found.status) and known.place == READY:
                return found.task  # no time that passes changes where it belongs
        entry = self._entry(task_id, found, self._facts, now)
        could_not_be_moved = found.may_be_moved and entry.key <= time_key(now)
        if entry.place == DAMAGED and could_not_be_moved:
            entry = entry._replace(key=time_key(now + self._quarantine_after_seconds))
        changed = self._index.put(entry)
        return None if changed or isinstance(found.task, CorruptTaskError) else found.task

    def check_disk(self) -> None:
        """Raise OSError if the disk did not give a file, since ``bring_up_to_date`` and till now.

        What nobody could read may be a task.
        """
        for found in self._not_read.values():
            found.check_disk()

    def is_in_step(self) -> bool:
        """Whether the directory is as the index knows it, up to this moment."""
        return self._facts.directory == stamp_of(self._directory_status())

    def note(self, task: Task, now: float, *, in_step: bool) -> None:
        """The board has just written this task; ``in_step`` as it was right before."""
        facts = self._facts
        found = TaskFile(task, os.lstat(self._path(task.task_id)), None)
        self._index.put(self._entry(task.task_id, found, facts, now))
        facts.changed_since_listed = True
        if in_step:
            facts.directory = self._directory_stamp()

    def _wake(self, now: float) -> None:
        """Look again at what was to be looked at by now, each once."""
        if now < self._facts.latest_start:
            self._facts.latest_start = -math.inf
            due = self._index.due_ids()
        else:
            due = self._index.due_ids(until=now)
        for task_id in due:
            self.examine(task_id, now)

    def _entry(self, task_id: str, found: TaskFile, facts: IndexFacts, now: float) -> Entry:
        stamp = self._settled(FileClock(self._probe, facts.fine), found.status)
        task = found.task
        if isinstance(task, CorruptTaskError):
            return self._damaged(task_id, found, stamp)
        facts.token_largest = max(facts.token_largest, task.token)
        if task.status is TaskStatus.PENDING or task.is_stale(now):
            order = order_key(task.priority, task.created_at)
            return Entry(task_id, stamp, READY, type_key(task.task_type) + b"\t" + order)
        if task.status in HELD:
            start, lapse = _lease_of(task)
            facts.latest_start = max(facts.latest_start, start)
            return Entry(task_id, stamp, DUE, time_key(lapse))
        return Entry(task_id, stamp, FINAL)

    def _damaged(self, task_id: str, found: TaskFile, stamp: str) -> Entry:
        """Due when it may be moved; what may not be is looked at anew by every scan.

        For another user, another version, or a disk that recovers may be able to read it, and
        then its stamp is still the same. What could not be read is tried by every look for work: it
        may come first, and an error may have passed.
        """
        if not found.may_be_moved:
            due = -math.inf if found.is_unreadable else math.inf
            return Entry(task_id, stamp_of(found.status) + UNSETTLED, DAMAGED, time_key(due))
        due = found.status.st_mtime + self._quarantine_after_seconds
        return Entry(task_id, stamp, DAMAGED, time_key(due))

    def read(self, task_id: str, path: Path | None = None) -> TaskFile | None:
        """What lies under a task's name, or at ``path`` as if it did. A token from far above is
        damage too: taking it for one of this board's would use up the numbers of all tasks.
        """
        source = self._path(task_id) if path is None else str(path)
        found = read_task_file(source, task_id, self._bytes_max)
        if found is None or isinstance(found.task, CorruptTaskError):
            return found
        token = found.task.token
        if token <= LEAP_MAX or token <= (reserved := self._tokens.reserved()) + LEAP_MAX:
            return found
        reason = f"its token {token} is not this board's, which issued none above {reserved}"
        return replace(found, task=CorruptTaskError(source, reason))

    def is_final_since(self, task_id: str, moment: float) -> bool:
        """Whether it is a task that has been final since that moment, by its file's time."""
        found = self.read(task_id)
        task = None if found is None else found.known()
        return (
            found is not None
            and task is not None
            and task.status in FINAL_STATUSES
            and found.status.st_mtime <= moment
        )

    def _look_at(self, task_id: str) -> TaskFile | None:
        """Read a file, and note whether the disk gave it."""
        found = self.read(task_id)
        self._not_read.pop(task_id, None)
        if found is not None and found.disk_failed:
            self._not_read[task_id] = found
        return found

    def _quarantined(self, task_id: str, found: TaskFile, now: float) -> bool:
        """Move a damaged file that was left alone for long enough; whether it was moved."""
        if not found.may_be_moved or not self._was_left_alone(found, now):
            return False
        try:
            return self._quarantine.take(Path(self._path(task_id)), task_id, found, now)
        except OSError as error:
            path = readable(self._path(task_id))
            _log.warning("could not move %s to quarantine: %s", path, error)
            return False

    def _was_left_alone(self, found: TaskFile, now: float) -> bool:
        """By the board's clock and by that which stamps the files: either may be wrong.

        So may a file's time be, and from the future it must not keep the file here for ever.
        """
        changed = found.status.st_mtime
        if abs(now - changed) < self._quarantine_after_seconds:
            return False
        try:
            stamped_now = FileClock(self._probe, fine=False).now_ns() / 1e9
        except OSError:
            return False
        return abs(stamped_now - changed) >= self._quarantine_after_seconds

    def _listing(self) -> Iterator[tuple[str, os.stat_result]]:
        for task_id in task_names(self._storage):
            with suppress(FileNotFoundError):
                yield task_id, os.lstat(self._path(task_id))

    def _stamp_at(self, task_id: str) -> str | None:
        try:
            return stamp_of(os.lstat(self._path(task_id)))
        except FileNotFoundError:
            return None

    def _directory_stamp(self) -> str:
        clock = FileClock(self._probe, self._facts.fine)
        return self._settled(clock, self._directory_status())

    def _directory_status(self) -> os.stat_result:
        try:
            return os.stat(self._storage)
        except FileNotFoundError:
            raise StorageMissingError(self._storage) from None

    def _settled(self, clock: FileClock, status: os.stat_result) -> str:
        try:
            return clock.settled_stamp(status)
        except OSError:
            return stamp_of(status) + UNSETTLED  # the file system's clock cannot be read

    def _find_clock(self) -> FileClock:
        try:
            return FileClock.of(self._probe)
        except OSError:
            return FileClock(self._probe, fine=False)

    def _path(self, task_id: str) -> str:
        return f"{self._prefix}{task_id}{SUFFIX}"

    @property
    def _facts(self) -> IndexFacts:
        facts = self._index.facts
        assert facts is not None, "the survey works on an open index"
        return facts


def _lease_of(task: Task) -> tuple[float, float]:
    """From when to when a claim holds; each a little inside, for what rounding may take away."""
    lease = LEASE_SECONDS_DEFAULT if task.lease_seconds is None else float(task.lease_seconds)
    at = float(task.claimed_at or 0.0)
    start, lapse = at - lease, at + lease
    slack = 2 * (math.ulp(at) + math.ulp(lease))
    limit = sys.float_info.max
    return max(-limit, min(limit, start + slack)), max(-limit, min(limit, lapse - slack))
