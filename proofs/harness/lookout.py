"""A thread beside the gate of a worker or a child: tells the other end that it lives or hangs.

It also ends the process once nobody is at the other end, whatever the agent does meanwhile; but for
C code that never lets another thread run.
"""

from __future__ import annotations

import _thread
import os
import signal
import time
from contextlib import suppress
from typing import Protocol

from proofs.harness.hanging import TICK_SECONDS, Patience, hanging_words, limits
from proofs.harness.trace import Step
from proofs.harness.wire import AtWork, Connection, Hangs

SIGN_SECONDS_MAX = 5.0
SIGNS_MIN = 6
"""How often at least it tells that it lives in the time that makes a run hang; so whoever is
nearest to what hangs is the first to tell.
"""

_start_new_thread, _sleep = _thread.start_new_thread, time.sleep
_kill, _getpid = os.kill, os.getpid


class Watched(Protocol):
    """What is looked at: a gate, or something that comes before it."""

    trace: list[Step]

    def seen(self) -> object:
        """Differs from what it was when something has happened; None if nobody is at work."""
        ...

    def at_work(self) -> tuple[str, int | None]:
        """Who is at work, and the number of its thread."""
        ...


class Loading:
    """A worker that imports its board."""

    def __init__(self, agent: str) -> None:
        self.trace: list[Step] = []
        self._at_work = f"{agent}, as it imports its board,", _thread.get_ident()

    def seen(self) -> object:
        """Always the same: there are no effects yet."""
        return self

    def at_work(self) -> tuple[str, int | None]:
        """The thread that made this."""
        return self._at_work


class Lookout:
    """Looks at one thing after the other, and never ends. A fork leaves it behind."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watched: Watched | None = None

    def begin(self) -> None:
        """Its thread is none that ``threading`` knows of, and no board sees it."""
        _start_new_thread(self._look_for_ever, ())

    def look_at(self, watched: Watched | None) -> None:
        """From now on at this."""
        self._watched = watched

    def _look_for_ever(self) -> None:
        last, patience, signs = None, Patience(0), Patience(0)
        while True:
            _sleep(TICK_SECONDS)
            if self._connection.is_cut():
                _kill(_getpid(), signal.SIGKILL)
            watched = self._watched
            seen = None if watched is None else watched.seen()
            if watched is not last or seen is None:
                last, patience = watched, Patience(limits.hanging_seconds)
                signs = Patience(min(SIGN_SECONDS_MAX, limits.hanging_seconds / SIGNS_MIN))
            if watched is None or seen is None:
                continue
            name, ident = watched.at_work()
            if patience.is_at_end(seen, ident):
                words = hanging_words(name, watched.trace, ident, limits.hanging_seconds)
                self._tell(Hangs(f"{words}; its process was killed for it"))
            elif signs.is_at_end(None):
                self._tell(AtWork())

    def _tell(self, message: Hangs | AtWork) -> None:
        with suppress(OSError):  # nobody is there, as the next look will tell
            self._connection.send(message)
