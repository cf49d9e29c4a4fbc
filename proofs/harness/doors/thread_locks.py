"""Locks between threads, and all that is built on them: taken by trying, so that who waits parks.

Python's own conditions, events, semaphores, barriers, queues and futures are made of locks, and
need no more than locks that park; a notice is the lock by which a condition wakes one who waits.
"""

from __future__ import annotations

import _thread
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import CodeType, GenericAlias, TracebackType
from typing import Any, Final
from weakref import WeakSet, ref

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.replacing import Replacement, may_hold_a_board
from proofs.harness.effects import Effect

_real_lock, _real_rlock = threading.Lock, threading.RLock
_real_is_set = threading.Event.is_set
_RealSimpleQueue = queue.SimpleQueue
_PySimpleQueue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]
_WAIT: Final[CodeType] = threading.Condition.wait.__code__
_FRAMES_MAX = 8

LOCK_TYPES: Final = (type(_real_lock()), type(_real_rlock()))
REENTRANT_TYPE: Final = LOCK_TYPES[1]


def replacements() -> Iterator[Replacement]:
    """What takes the place of the makers of locks, and of the little that is not made of locks."""
    yield Replacement(threading, "_allocate_lock", _make_notice)
    yield Replacement(_thread, "allocate_lock", _make_lock_unless_for_an_import)
    yield Replacement(threading, "Lock", _make_lock)  # the last of three names for one thing
    yield Replacement(threading, "RLock", _make_rlock)
    yield Replacement(threading.Event, "is_set", _is_set)
    yield Replacement(queue, "SimpleQueue", _SimpleQueue)


class ThreadLock:
    """A thread lock that an agent never waits for outside its gate.

    Threads that are no agents use the real lock behind it as they always did. An agent whose run is
    over lets go of what it may no longer hold, and nothing is said of it.
    """

    _taking, _letting_go = "lock", "unlock"

    def __init__(self, name: str, lock: Any) -> None:
        self.paths = (name,)
        self._lock = lock
        self._holder: ref[ActingAgent] | None = None  # to the agent that took it last

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        agent = acting.agent
        if agent is None:
            return bool(self._lock.acquire(blocking, timeout))
        if not blocking:
            return agent.perform(Effect("try", self.paths, changes=True), self._attempt)
        effect = Effect(self._taking, self.paths, changes=True)
        return agent.wait_for(effect, self._attempt, None if timeout < 0 else timeout)

    def release(self) -> None:
        agent = acting.agent
        if agent is None:
            self._lock.release()
            return
        effect = Effect(self._letting_go, self.paths, changes=True)
        with suppress(*([RuntimeError] if agent.unwinds else [])):
            agent.perform(effect, self._lock.release)

    def locked(self) -> bool:
        agent = acting.agent
        if agent is None:
            return bool(self._lock.locked())
        return agent.perform(Effect("is locked", self.paths), lambda: bool(self._lock.locked()))

    def is_held_by_another(self, agent: ActingAgent | None) -> bool:
        """Whether an agent holds it that is not this one."""
        holder = None if self._holder is None else self._holder()
        return bool(self._lock.locked()) and holder is not agent

    def _attempt(self) -> bool:
        is_taken = bool(self._lock.acquire(False))
        if is_taken and acting.agent is not None:
            self._holder = ref(acting.agent)
        return is_taken

    def _is_owned(self) -> bool:
        """What a condition asks; by somebody, as Python's own answer for such a lock is."""
        return bool(self._lock.locked())

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()

    def __enter__(self) -> bool:
        """Python runs no handler of a signal between this and the block, which lets go again."""
        agent = acting.agent
        if agent is None:
            return bool(self._lock.acquire())
        is_taken = False

        def attempt() -> bool:
            nonlocal is_taken
            is_taken = self._attempt()
            return is_taken

        try:
            return agent.wait_for(Effect(self._taking, self.paths, changes=True), attempt, None)
        except BaseException:
            if is_taken:
                self.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class ReentrantThreadLock(ThreadLock):
    """The same for a lock that its holder may take again; with what conditions ask of it."""

    def is_held_by_another(self, agent: ActingAgent | None) -> bool:
        is_free_or_own = bool(self._lock.acquire(False))
        if is_free_or_own:
            self._lock.release()
        return not is_free_or_own

    def _is_owned(self) -> bool:
        return bool(self._lock._is_owned())

    def _release_save(self) -> Any:
        agent = acting.agent
        if agent is None:
            return self._lock._release_save()
        effect = Effect(self._letting_go, self.paths, changes=True)
        return agent.perform(effect, self._lock._release_save)

    def _acquire_restore(self, state: Any) -> None:
        if acting.agent is None:
            self._lock._acquire_restore(state)
            return
        self.acquire()
        for _ in range(state[0] - 1):  # how often it was held
            self._lock.acquire(False)


class _Notice(ThreadLock):
    """The lock of one who waits for a condition; taken first while nobody else knows of it."""

    _taking, _letting_go = "wait", "notify"

    def __init__(self, name: str, lock: Any) -> None:
        super().__init__(name, lock)
        self._is_known = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._is_known:
            return super().acquire(blocking, timeout)
        self._is_known = True
        return bool(self._lock.acquire(False))


STANDING: Final[WeakSet[ThreadLock]] = WeakSet()
"""Those that stand in for locks of modules, which what is done before a fork may take."""


def stand_in(name: str, lock: Any) -> ThreadLock:
    """A lock for agents that is the same as this real one for all others."""
    kind = ReentrantThreadLock if isinstance(lock, REENTRANT_TYPE) else ThreadLock
    stands_in = kind(name, lock)
    STANDING.add(stands_in)
    return stands_in


def _make_lock() -> Any:
    agent = acting.agent
    name = _place() if agent is None else agent.lock_name("lock")
    return _real_lock() if name is None else ThreadLock(name, _real_lock())


def _make_rlock() -> Any:
    agent = acting.agent
    name = _place() if agent is None else agent.lock_name("lock")
    return _real_rlock() if name is None else ReentrantThreadLock(name, _real_rlock())


def _make_lock_unless_for_an_import() -> Any:
    """Whether a module is imported now or was before must not show in a trace."""
    is_for_an_import = sys._getframe(1).f_globals.get("__name__") == "importlib._bootstrap"
    return _real_lock() if is_for_an_import else _make_lock()


def _make_notice() -> Any:
    if sys._getframe(1).f_code is not _WAIT:
        return _make_lock()
    agent = acting.agent
    return _real_lock() if agent is None else _Notice(agent.lock_name("notice"), _real_lock())


def _place() -> str | None:
    """Where a board makes a lock though no agent acts, as while its module is imported; else None.

    By the nearest code that is none of Python's own.
    """
    frame = sys._getframe(2)
    for _ in range(_FRAMES_MAX):
        module = str(frame.f_globals.get("__name__"))
        if may_hold_a_board(module):
            return f"<{module}:{frame.f_lineno}>"
        is_passed = module.partition(".")[0] in sys.stdlib_module_names or module == __name__
        if not is_passed or frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _is_set(event: threading.Event) -> bool:
    agent: ActingAgent | None = acting.agent
    lock = event._cond._lock  # type: ignore[attr-defined]
    if agent is None or not isinstance(lock, ThreadLock):
        return _real_is_set(event)
    return agent.perform(Effect("is set", lock.paths), lambda: _real_is_set(event))


class _SimpleQueue:
    """``queue.SimpleQueue``, which waits within C, but for agents that written in Python."""

    __class_getitem__ = classmethod(GenericAlias)  # type: ignore[var-annotated]

    def __new__(cls) -> Any:
        return _RealSimpleQueue() if acting.agent is None else _PySimpleQueue()
