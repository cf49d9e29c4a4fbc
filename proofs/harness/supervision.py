"""A run is done by another thread than that of whoever asked for it, who waits beside it.

So a run that does not come to its end can be left behind, and an interrupt from the keyboard, which
only the main thread ever sees, harms no agent.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Protocol, TypeVar, cast

from proofs.harness.hanging import TICK_SECONDS, take_the_alarm_off
from proofs.harness.kept_threads import KeptThread, closed_lock, give_back, take
from proofs.harness.one_core import Cores, all_cores, on_one_core
from proofs.harness.scheduling import RunAbortedError

T = TypeVar("T")


class Watched(Protocol):
    """What a run waits for, as whoever waits beside it sees it."""

    def look(self) -> BaseException | None:
        """Asked each ``TICK_SECONDS``, in another thread: give up whoever hangs.

        What to raise once the thread that does the run is itself left behind.
        """
        ...

    def give_up(self) -> None:
        """Asked in another thread: come to an end soon, whatever it is."""
        ...


class _Run:
    """One job in one thread, and what it waits for at the moment."""

    def __init__(self, job: Callable[[], object], cores: Cores) -> None:
        self.watched: Watched | None = None
        self.is_given_up = False
        self.result: object = None
        self._error: BaseException | None = None
        self._over = closed_lock()
        self._is_over = False
        [self.thread] = take(1)
        self.thread.keep_on(cores)
        self.thread.give(partial(self._do, job), "run")

    def _do(self, job: Callable[[], object]) -> _thread.LockType:
        _here.run = self
        try:
            self.result = job()
        except BaseException as error:
            self._error = error
        finally:
            _here.run = None
        return self._over

    def await_end(self) -> BaseException | None:
        """Until the thread is done, or left behind; what is to be raised then."""
        while not self._over.acquire(timeout=TICK_SECONDS):
            take_the_alarm_off()
            left = None if self.watched is None else self.watched.look()
            if left is not None:
                return left
        self._is_over = True
        return self._error

    def give_up(self) -> None:
        """Whatever it is amid comes to an end, and it begins with nothing more."""
        self.is_given_up = True
        if self.watched is not None:
            self.watched.give_up()
        self.await_end()

    def let_go(self) -> None:
        """Keep the thread, unless it was left behind."""
        if self._is_over:
            give_back([self.thread])
        else:
            self.thread.dismiss()


class _Here(_thread._local):
    """The run that this thread does, if it does one."""

    run: _Run | None = None


_here = _Here()


def supervised(job: Callable[[], T], *, by_turns: bool = False) -> T:
    """What the job gives or raises, done in a kept thread; in place in a thread that is one such.

    ``by_turns``: of all threads that take part, this one among them, one runs at a time. Raises
    what looks say of a run that hangs; its thread was left behind then.
    """
    if _here.run is not None:
        return job()
    with on_one_core() if by_turns else nullcontext(all_cores()) as cores:
        return _supervised(job, cores)


def _supervised(job: Callable[[], T], cores: Cores) -> T:
    run = _Run(job, cores)
    run.thread.turn.release()
    try:
        error = run.await_end()
    except BaseException:  # as an interrupt from the keyboard
        run.give_up()
        raise
    finally:
        run.let_go()
    if error is not None:
        raise error
    return cast(T, run.result)


@contextmanager
def waiting_for(watched: Watched) -> Iterator[KeptThread]:
    """In the thread that does a run, which is given: this is what it waits for now.

    Raises ``RunAbortedError`` if the run was given up meanwhile.
    """
    run = _here.run
    assert run is not None, "only in what is supervised"
    run.watched = watched
    try:
        if run.is_given_up:
            raise RunAbortedError
        yield run.thread
    finally:
        run.watched = None
