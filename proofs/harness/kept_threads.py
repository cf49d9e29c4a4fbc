"""Threads kept from one run to the next: to start one takes longer than a lean turn in it."""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context

from proofs.harness.one_core import Cores, keep
from proofs.harness.scheduling import RunAbortedError

_allocate_lock = _thread.allocate_lock  # the real one, though the doors be open

Job = Callable[[], _thread.LockType]
"""Runs in the thread once ``turn`` is released; what it answers is released when it is over."""


class _Thread(threading.Thread):
    """Ends with its process as a daemon does, and yet is none to what an agent does in it.

    Else threads that the agent starts there would be daemons by heritage, and in a process not.
    """

    serves = False

    @property
    def daemon(self) -> bool:
        return not self.serves

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        raise RuntimeError("cannot set daemon status of active thread")


class KeptThread:
    """A thread that does one job after the other, each when it is its turn."""

    def __init__(self) -> None:
        self.turn = closed_lock()
        self._job: Job | None = None
        self.cores: Cores = frozenset()  # on which it is kept
        self._thread = _Thread(target=self._serve, daemon=True)
        self._thread.start()

    def give(self, job: Job, name: str) -> None:
        """What to do when ``turn`` is released next, and the name of the thread meanwhile."""
        self._job, self._thread.name = job, name

    def keep_on(self, cores: Cores) -> None:
        """It runs on these cores alone from now on, as far as it can be kept there."""
        if cores != self.cores and self._thread.native_id is not None:
            self.cores = cores
            keep(self._thread.native_id, cores)

    def rename(self, name: str) -> None:
        """The name of the thread from now on."""
        self._thread.name = name

    def end(self) -> None:
        """The thread is gone afterwards; it must have no job."""
        self.turn.release()
        self._thread.join()

    def dismiss(self) -> None:
        """It is not waited for: its job does not come to an end, and would be its last."""
        self.turn.release()

    def _serve(self) -> None:
        self._thread.serves = True
        with suppress(RunAbortedError):  # of an agent that was not waited for
            self._do_jobs()

    def _do_jobs(self) -> None:
        while True:
            self.turn.acquire()
            job, self._job = self._job, None
            if job is None:
                return
            over = Context().run(job)
            del job  # so that nothing of a run is left here when the next one begins
            over.release()
            del over


def closed_lock() -> _thread.LockType:
    """A real lock, taken, that whoever runs releases for somebody else."""
    lock = _allocate_lock()
    lock.acquire()
    return lock


_idle: list[KeptThread] = []


def take(number: int) -> list[KeptThread]:
    """So many idle threads. Give them back once their jobs are over, else they are forgotten."""
    return [_idle.pop() if _idle else KeptThread() for _ in range(number)]


def give_back(threads: list[KeptThread]) -> None:
    """They have no job any more."""
    _idle.extend(threads)


def end_idle_threads() -> None:
    """None is kept any more; for those who fork, or count what they leave behind."""
    while _idle:
        _idle.pop().end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child has none of them
