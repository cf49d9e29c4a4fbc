"""One task as one file: read whole, created once, replaced atomically."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from swarm.errors import CorruptTaskError, InvalidTaskError, NewerFormatError
from swarm.own_places import check_directory, kind_of
from swarm.task import Task, TaskStatus

SUFFIX: Final = ".json"
# Windows has none of these, and must get as far as being refused with words.
_READ_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")
)
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_UNREADABLE = _FORBIDDEN | {errno.EIO, errno.ENXIO, errno.ENODEV}
_READ_BYTES_MAX = 0x7FFFF000  # what Linux reads at once at the most
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})


AGENT_ID_LENGTH_MAX: Final = 1000
ERROR_LENGTH_MAX: Final = 4000
"""Of a failure's reason so many characters do not count, so that every task can fail."""
_UNCOUNTED_BYTES_MAX: Final = 1 << 16  # what a claim by the longest id and such a reason can add


def encode(task: Task, bytes_max: int, *, checked: bool = True) -> bytes:
    """The bytes of the task's file, one line.

    ``checked=False`` is for a task that was read from its file, to which no caller's value was
    added since: it must come back from JSON as it came before.

    Raises ``InvalidTaskError`` for what ``Task.to_json`` refuses, and for a task that takes more
    than ``bytes_max`` bytes, its claim and the reason of a failure not counted: so what can be
    posted can be claimed and can fail.
    """
    text = task.to_json() if checked else task.to_json_unchecked()
    data = text.encode("ascii") + b"\n"
    if len(data) > bytes_max and (size := _bytes_counted(task)) > bytes_max:
        raise InvalidTaskError("task", f"take at most {bytes_max} bytes", f"{size} bytes")
    return data


def _bytes_counted(task: Task) -> int:
    fresh = {"status": TaskStatus.PENDING, "claimed_by": None, "claimed_at": None}
    counts = {"token": 0, "attempts": 0, "lease_seconds": None}
    result = None if _is_reason(task.result) else task.result
    counted = replace(task, result=result, **fresh, **counts)  # type: ignore[arg-type]
    return len(counted.to_json()) + 1


def _is_reason(result: object) -> bool:
    error = result.get("error") if isinstance(result, dict) and len(result) == 1 else None
    return isinstance(error, str) and len(error) <= ERROR_LENGTH_MAX


@dataclass(frozen=True, slots=True)
class TaskFile:
    """What was found under a task's name: a task, or the error that tells why it is none."""

    task: Task | CorruptTaskError
    status: os.stat_result
    data: bytes | None
    """What the file holds; None where its bytes could not be read as a file's of legal size."""

    def known(self) -> Task | None:
        """The task, None for damage. Raises as ``check_disk``."""
        self.check_disk()
        return self.task if isinstance(self.task, Task) else None

    def check_disk(self) -> None:
        """Raise OSError if the disk failed. That is no damage: there may be a task."""
        if isinstance(self.task, _UnreadableFileError) and self.disk_failed:
            raise OSError(self.task.number, self.task.reason, self.task.source)

    @property
    def disk_failed(self) -> bool:
        """Whether it is there, and nobody knows what is in it."""
        return isinstance(self.task, _UnreadableFileError) and self.task.number not in _FORBIDDEN

    @property
    def is_unreadable(self) -> bool:
        """Whether it could not be read just now, by this process."""
        return isinstance(self.task, _UnreadableFileError)

    @property
    def may_be_moved(self) -> bool:
        """Whether it is damage; what only another user or a later version can read is not."""
        return (
            isinstance(self.task, CorruptTaskError)
            and not isinstance(self.task, NewerFormatError)
            and not self.is_unreadable
        )


class _UnreadableFileError(CorruptTaskError):
    """The file is there, but this process cannot read it now; ``number`` is the errno."""

    def __init__(self, source: str, number: int) -> None:
        super().__init__(source, os.strerror(number))
        self.args = (source, number)
        self.number = number

    def __str__(self) -> str:
        return f"{self.source} must be readable: {self.reason}. See its permissions and its disk."


def read_task_file(path: str, task_id: str, bytes_max: int) -> TaskFile | None:
    """What lies under ``path``, None if nothing does.

    Opens neither links nor devices, waits for no writer, reads little more than ``bytes_max``.
    Raises OSError only for what says nothing about this file, such as too many open files.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _not_opened(path, error)
    status = None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return TaskFile(_irregular(path, status), status, None)
        if status.st_size > bytes_max + _UNCOUNTED_BYTES_MAX:
            return TaskFile(_too_large(path, status.st_size, bytes_max), status, None)
        data = _read(descriptor, status.st_size + 1)
    except OSError as error:
        if error.errno not in _UNREADABLE or status is None:
            raise
        return TaskFile(_UnreadableFileError(path, error.errno), status, None)
    finally:
        _close_what_was_read(descriptor)
    return TaskFile(_decode(data, path, task_id, bytes_max), status, data)


def _close_what_was_read(descriptor: int) -> None:
    """Whatever closing answers, the descriptor is gone, and what was read is at hand."""
    with suppress(OSError):
        os.close(descriptor)


def _not_opened(path: str, error: OSError) -> TaskFile | None:
    if error.errno not in _UNREADABLE | {errno.ELOOP}:
        raise error
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISREG(status.st_mode):
        return TaskFile(_UnreadableFileError(path, error.errno), status, None)
    return TaskFile(_irregular(path, status), status, None)


def _irregular(path: str, status: os.stat_result) -> CorruptTaskError:
    return CorruptTaskError(path, f"it is {kind_of(status)}, not a regular file")


def _too_large(path: str, size: int, bytes_max: int) -> CorruptTaskError:
    return CorruptTaskError(path, f"it has {size} bytes, the most is {bytes_max}")


def _read(descriptor: int, bytes_max: int) -> bytes:
    """Up to ``bytes_max`` bytes; a regular file reads short only at its end."""
    chunks = []
    while bytes_max > 0:
        chunk = os.read(descriptor, bytes_max)
        chunks.append(chunk)
        if len(chunk) < min(bytes_max, _READ_BYTES_MAX):
            break
        bytes_max -= len(chunk)
    return b"".join(chunks)


def _decode(data: bytes, path: str, task_id: str, bytes_max: int) -> Task | CorruptTaskError:
    try:
        task = Task.from_json(data, source=path)
    except CorruptTaskError as error:
        return error
    if task.task_id != task_id:
        return CorruptTaskError(path, f"its task_id is {task.task_id!r}, not {task_id!r}")
    # Written anew it may be longer, by separators and escapes, but never four times as long.
    if 4 * len(data) > bytes_max:
        try:
            encode(task, bytes_max)
        except InvalidTaskError as error:
            return CorruptTaskError(path, f"it must {error.rule}, got {error.got}")
    return task


class TaskWriter:
    """Puts whole files in place. Used under the board's lock only, so there is one at a time.

    Every file is written under one name in ``temporary``; what a killed writer left under that
    name is removed first. ``synced`` asks for each file's data on the disk before it gets its
    name; ``durable``, where asked for, for the name as well.
    """

    def __init__(self, temporary: Path, synced: bool) -> None:
        self._directory = temporary
        self._path = str(temporary / f"next{SUFFIX}")
        self._synced = synced

    def prepare(self) -> None:
        """Make the directory, best before there are tasks: later it looks like a change of them."""
        with suppress(FileExistsError):
            os.mkdir(self._directory)

    def replace(self, path: str, data: bytes, *, durable: bool) -> None:
        """``path`` holds ``data`` from one moment to the next, for every reader."""
        with self._written(data):
            os.rename(self._path, path)
        if durable:
            self.sync(os.path.dirname(path))

    def create(self, path: str, data: bytes, *, durable: bool) -> bool:
        """As ``replace``, but answers False where anything bears the name already."""
        with self._written(data):
            is_new = self._link(path)
            self._drop()
        if is_new and durable:
            self.sync(os.path.dirname(path))
        return is_new

    def sync(self, directory: str | Path) -> None:
        """The names in ``directory`` are on the disk, where this writer syncs at all."""
        if self._synced:
            sync_directory(directory)

    def clear(self) -> None:
        """Remove what was written and not put in place, also by a writer that was killed."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _drop(self) -> None:
        """Clear as far as that can be done: what is left, the next writer clears."""
        with suppress(OSError):
            self.clear()

    @contextmanager
    def _written(self, data: bytes) -> Iterator[None]:
        """The file is written under its first name; whatever fails, it is not left there."""
        check_directory(self._directory)  # before anything is cleared there
        try:
            self._write(data)
            yield
        except BaseException:
            self._drop()
            raise

    def _write(self, data: bytes) -> None:
        descriptor = self._open()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if self._synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._path, flags, 0o666)
        except FileExistsError:
            self.clear()  # never truncated: it may be a link to a posted task's own file
        except FileNotFoundError:
            self.prepare()
        return os.open(self._path, flags, 0o666)

    def _link(self, path: str) -> bool:
        """Whether the file has this name now, which nothing had."""
        try:
            os.link(self._path, path, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):  # a file system without links: only board users are kept out
                return False
            os.rename(self._path, path)
        return True


def sync_directory(directory: str | Path) -> None:
    """The names in ``directory`` are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        _close_what_was_read(descriptor)
