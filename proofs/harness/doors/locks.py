"""Locks on files: taken by trying, so that who waits is parked, not stuck."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.descriptors import number_of
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import effect_on

_real_flock, _real_lockf, _real_fcntl = fcntl.flock, fcntl.lockf, fcntl.fcntl
_real_os_lockf = getattr(os, "lockf", None)
_WOULD_BLOCK = (errno.EAGAIN, errno.EACCES)


def _commands(*names: str) -> frozenset[int]:
    """Those that this system has."""
    return frozenset(getattr(fcntl, name) for name in names if hasattr(fcntl, name))


_COPIES = _commands("F_DUPFD", "F_DUPFD_CLOEXEC")
_TRIES = _commands("F_SETLK", "F_OFD_SETLK")
_WAITS = {
    getattr(fcntl, f"{name}W"): getattr(fcntl, name)
    for name in ("F_SETLK", "F_OFD_SETLK")
    if hasattr(fcntl, f"{name}W")
}
"""Commands that wait for a lock, and those that try to get it instead."""


def replacements() -> Iterator[Replacement]:
    """What takes the place of file locks."""
    yield Replacement(fcntl, "flock", _flock)
    yield Replacement(fcntl, "lockf", _lockf)
    yield Replacement(fcntl, "fcntl", _fcntl)
    if _real_os_lockf is not None:
        yield Replacement(os, "lockf", _os_lockf)


def _flock(descriptor: Any, operation: int) -> None:
    number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
    agent = acting.agent
    place = agent.places.name(number) if agent is not None else None
    if agent is None or place is None:
        _real_flock(descriptor, operation)
        return
    _lock(agent, place, "flock", operation, lambda how: _real_flock(number, how))


def _lockf(descriptor: Any, operation: int, *args: Any) -> Any:
    number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
    agent = acting.agent
    place = agent.places.name(number) if agent is not None else None
    if agent is None or place is None:
        return _real_lockf(descriptor, operation, *args)
    return _lock(agent, place, "lockf", operation, lambda how: _real_lockf(number, how, *args))


def _os_lockf(fd: int, command: int, length: int, /) -> None:
    """The same locks as those of ``fcntl.lockf``, by commands of another kind."""
    assert _real_os_lockf is not None
    agent = acting.agent
    place = agent.places.name(fd) if agent is not None else None
    if agent is None or place is None or command == os.F_TEST:
        _real_os_lockf(fd, command, length)
        return
    operation = {
        os.F_LOCK: fcntl.LOCK_EX,
        os.F_TLOCK: fcntl.LOCK_EX | fcntl.LOCK_NB,
        os.F_ULOCK: fcntl.LOCK_UN,
    }[command]

    def lock(how: int) -> None:
        assert _real_os_lockf is not None
        _real_os_lockf(fd, os.F_ULOCK if how & fcntl.LOCK_UN else os.F_TLOCK, length)

    _lock(agent, place, "lockf", operation, lock)


def _fcntl(fd: Any, cmd: int, arg: Any = 0, /) -> Any:
    """Its locks are those of ``lockf``, and a copy that it makes leads to the same file."""
    agent = acting.agent
    place = agent.places.name(number_of(fd)) if agent is not None else None
    if agent is None or place is None or cmd not in _COPIES | _TRIES | _WAITS.keys():
        return _real_fcntl(fd, cmd, arg)
    if cmd in _COPIES:
        descriptor = _real_fcntl(fd, cmd, arg)
        agent.places.opened(descriptor, place)
        return descriptor
    effect = effect_on("lockf", place, "unlock" if _lets_go(arg) else "by fcntl", True)
    if cmd in _TRIES:
        return agent.perform(effect, lambda: _real_fcntl(fd, cmd, arg))
    answer: list[Any] = []
    tried = _attempt(lambda: answer.append(_real_fcntl(fd, _WAITS[cmd], arg)))
    agent.wait_for(effect, tried, None)
    return answer[-1]


def _lets_go(asked: Any) -> bool:
    """Whether this is the system's record of a lock that is given back.

    Its type stands first on Linux; elsewhere that is not known, and it counts as one that is taken.
    """
    is_record = sys.platform == "linux" and isinstance(asked, bytes) and len(asked) > 1
    return is_record and struct.unpack_from("h", asked)[0] == fcntl.F_UNLCK


def _lock(agent: ActingAgent, place: str, kind: str, operation: int, lock: Any) -> None:
    shared = "shared" if operation & fcntl.LOCK_SH else "exclusive"
    if operation & fcntl.LOCK_UN:
        agent.perform(effect_on(kind, place, "unlock", True), lambda: lock(operation))
        return
    if operation & fcntl.LOCK_NB:
        agent.perform(effect_on(kind, place, f"try {shared}", True), lambda: lock(operation))
        return

    tried = _attempt(lambda: lock(operation | fcntl.LOCK_NB))
    agent.wait_for(effect_on(kind, place, shared, True), tried, None)


def _attempt(lock: Callable[[], object]) -> Callable[[], bool]:
    """Whether the lock is to be had now."""

    def attempt() -> bool:
        try:
            lock()
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                raise
            return False
        return True

    return attempt
