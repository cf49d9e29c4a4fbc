"""What an agent does that comes to no door any more: noticed, told in words, and left behind.

Being slow is not hanging. What is counted is the real time in which no effect happened anywhere in
the run, in small pieces: a machine that slept, or a process that was stopped, adds one of them.
"""

from __future__ import annotations

import ctypes
import sys
from _thread import get_ident
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

from proofs.harness.guard.frames import caller, is_harness, module_of
from proofs.harness.scheduling import RunAbortedError
from proofs.harness.trace import Step
from proofs.harness.verdict import UnknownError

HANGING_SECONDS: Final = 30.0
"""After so many seconds of real time without any effect a run hangs, if no other limit was set."""

HANGING_AGAIN_SECONDS: Final = 5.0
"""The same in the later proofs of a session in which a board hung."""

UNWINDING_SECONDS: Final = 1.0
"""So long whoever is left may take to unwind, each, once a run is given up."""

TICK_SECONDS: Final = 0.25
"""How often somebody looks whether something has happened."""

_DEBUGGERS: Final = frozenset({"pdb", "bdb", "pydevd"})
_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exc.argtypes = (ctypes.c_ulong, ctypes.py_object)


class HangingError(UnknownError):
    """An agent came to no door any more, and nothing can be said of the board."""


class EndedProcessError(UnknownError):
    """An agent ended the process in which it ran, and nothing can be said of the board."""


@dataclass(slots=True)
class Limits:
    """How long this process waits for a sign of its agents, in seconds of real time."""

    hanging_seconds: float = HANGING_SECONDS


limits = Limits()


class Patience:
    """Counts for how long nothing has happened. To be asked each ``TICK_SECONDS``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen: object = None
        self._ticks = 0

    def is_at_end(self, seen: object, ident: int | None = None) -> bool:
        """Whether ``seen`` has been the same for so long; then it counts anew.

        Who sits in a debugger, in the thread of this number, is waited for.
        """
        is_same = seen == self._seen and not _is_debugged(ident)
        self._seen, self._ticks = seen, self._ticks + 1 if is_same else 0
        if self._ticks * TICK_SECONDS < self.seconds:
            return False
        self._ticks = 0
        return True


def hanging_words(name: str, trace: Sequence[Step], ident: int | None, seconds: float) -> str:
    """That this agent or part hangs, after which effect, and where its thread stands now."""
    last = next((step for step in reversed(trace) if step.agent == name), None)
    after = "its first effect" if last is None else last.label().partition(": ")[2]
    ending = f"since {after}" if last is not None else f"before {after}"
    frame = None if ident is None else sys._current_frames().get(ident)
    stands = "" if frame is None else f"; it stands at {_place(frame)}"
    is_loop = any(module_of(one).startswith("asyncio.") for one in _outwards(frame))
    what = "An event loop waits" if is_loop else "What waits or computes without end"
    return (
        f"{name} hangs: in {seconds:g} s no effect has happened anywhere, {ending}{stands}. "
        f"{what} outside the doors, and cannot be stopped"
    )


def raise_in(ident: int) -> None:
    """Let a thread raise ``RunAbortedError`` as soon as it runs Python code, if it ever does."""
    _set_async_exc(ident, RunAbortedError)
    _left_behind.append(ident)
    take_the_alarm_off()


class _OwnError(BaseException):
    """Raised by a thread in itself."""


_left_behind: list[int] = []


def take_the_alarm_off() -> None:
    """Whoever meets an exception of this kind takes off the alarm that all threads look at.

    While it is on because of a thread that is in C, and stays there, CPython 3.11 does nothing else
    in a thread that is profiled: it looks at the alarm anew before each call, for ever. Who comes
    back from C looks for its own exception without any alarm, and who only woke there for a signal
    puts it on again; so this is to be done now and then.
    """
    if not _left_behind:
        return
    try:
        _set_async_exc(get_ident(), _OwnError)
        while True:
            pass
    except _OwnError:
        return


def _place(frame: FrameType) -> str:
    """The board's line, and what it called there that does not return."""
    innermost = next((one for one in _outwards(frame) if not is_harness(one)), frame)
    inner = f"{module_of(innermost)}.{innermost.f_code.co_name}"
    return f"{caller(frame)}, in {inner}"


def _is_debugged(ident: int | None) -> bool:
    frame = None if ident is None else sys._current_frames().get(ident)
    return any(module_of(one).partition(".")[0] in _DEBUGGERS for one in _outwards(frame))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
