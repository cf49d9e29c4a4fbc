"""Locks of ``multiprocessing`` that were there before a run: taken by trying, as those of threads.

That is what modules of a board hold by a name. Agents that are threads share such a lock; worker
processes have one each, as all programs that are started apart do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from proofs.harness.agents import acting
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect

try:
    from multiprocessing import synchronize
except ImportError:  # pragma: no cover
    TYPES: tuple[type, ...] = ()
    HOLDERS: tuple[type, ...] = ()
else:
    TYPES = (synchronize.SemLock,)
    HOLDERS = (synchronize.Condition, synchronize.Event)
    _real_enter: Final = synchronize.SemLock.__enter__
    _real_exit: Final = synchronize.SemLock.__exit__


def replacements() -> Iterator[Replacement]:
    """What takes the place of entering and leaving, for all of them; see ``methods`` for one."""
    if TYPES:
        yield Replacement(synchronize.SemLock, "__enter__", _enter)
        yield Replacement(synchronize.SemLock, "__exit__", _exit)


def methods(lock: Any, name: str) -> Iterator[Replacement]:
    """What takes the place of a lock's own methods, which are of C."""
    acquire, release, paths = lock.acquire, lock.release, (name,)

    def attempt() -> bool:
        return bool(acquire(False))

    def take(block: bool = True, timeout: float | None = None) -> bool:
        agent = acting.agent
        if agent is None:
            return bool(acquire(block, timeout))
        if not block:
            return agent.perform(Effect("try", paths, changes=True), attempt)
        limit = None if timeout is None else max(timeout, 0)
        return agent.wait_for(Effect("lock", paths, changes=True), attempt, limit)

    def let_go() -> None:
        agent = acting.agent
        if agent is None:
            release()
        else:
            agent.perform(Effect("unlock", paths, changes=True), release)

    yield Replacement(lock, "acquire", take)
    yield Replacement(lock, "release", let_go)


def _enter(lock: Any) -> bool:
    return bool(_real_enter(lock) if acting.agent is None else lock.acquire())


def _exit(lock: Any, *error: Any) -> None:
    if acting.agent is None:
        _real_exit(lock, *error)
    else:
        lock.release()
