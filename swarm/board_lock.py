"""The board's one write lock: threads by a thread lock, processes by a native lock on a file."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import has_fcntl, lock_descriptor

from swarm.after_fork import forget_in_child, fork_gate
from swarm.errors import (
    LockTimeoutError,
    StorageMissingError,
    UnsafeStorageError,
    UnsupportedPlatformError,
)
from swarm.own_places import check_directory

_POLL_SECONDS_FIRST = 0.0005
_POLL_SECONDS_MAX = 0.005  # longer pauses starve waiters as soon as eight processes contend


class BoardLock:
    """Exclusive among all threads and processes that lock the same path.

    The lock belongs to a file that is opened for each holding and closed after it, so a killed
    holder leaves nothing behind. It contends with ``filelock.FileLock`` on the same path.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        if not has_fcntl:
            raise UnsupportedPlatformError(
                "locks must belong to open files, and this Python has no fcntl.flock, as on Windows"
            )
        self.path = path
        self.timeout_seconds = timeout_seconds
        self._threads = threading.RLock()  # which only its holder can let go of
        self._descriptor: int | None = None
        forget_in_child(self)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a while.

        Raises ``LockTimeoutError`` when others held it all of ``timeout_seconds``, and
        ``StorageMissingError`` when its directory is gone, ``UnsafeStorageError`` when it is a
        link. Not reentrant.
        """
        deadline = time.monotonic() + self.timeout_seconds
        with self._held_among_threads():
            try:
                self._acquire(deadline)
                yield
            finally:
                self._let_go()

    def forget_after_fork(self) -> None:
        """A child closes its copy, or it would keep a killed parent's lock alive.

        It never unlocks: that would take the lock from the parent, which shares the open file.
        """
        self._close()
        self._threads = threading.RLock()

    @contextmanager
    def _held_among_threads(self) -> Iterator[None]:
        """Whoever holds it lets go of it, noted or not.

        The handler of a signal may raise between the taking and any note of it.
        """
        threads = self._threads
        try:
            if not threads.acquire(timeout=min(self.timeout_seconds, threading.TIMEOUT_MAX)):
                raise LockTimeoutError(self.path, self.timeout_seconds)
            if self._descriptor is not None:  # by this very thread, which would wait for itself
                raise LockTimeoutError(self.path, self.timeout_seconds)
            yield
        finally:
            with suppress(RuntimeError):  # it was not taken
                threads.release()

    def _let_go(self) -> None:
        """Close the file, also when the handler of a signal raises meanwhile."""
        try:
            self._close()
        except BaseException:
            self._close()
            raise

    def _acquire(self, deadline: float) -> None:
        pause = _POLL_SECONDS_FIRST
        while True:
            if self._descriptor is None:
                with fork_gate:
                    self._descriptor = self._open()
            if not lock_descriptor(self._descriptor, blocking=False):
                if time.monotonic() >= deadline:
                    raise LockTimeoutError(self.path, self.timeout_seconds)
                time.sleep(pause)
                pause = min(2 * pause, _POLL_SECONDS_MAX)
            elif self._is_at_path():
                return
            else:
                self._close()  # somebody removed the file meanwhile: lock the one that is there now

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        check_directory(self.path.parent)
        try:
            return os.open(self.path, flags, 0o666)
        except FileNotFoundError:
            raise StorageMissingError(self.path.parent) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise UnsafeStorageError(self.path, "a symbolic link") from None

    def _is_at_path(self) -> bool:
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        with fork_gate:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                with suppress(OSError):  # closed or not, the descriptor is gone, and the lock too
                    os.close(descriptor)
