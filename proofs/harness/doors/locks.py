"""Locks on files: taken by trying, so that who waits is parked, not stuck."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from typing import Any

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect

_real_flock, _real_lockf = fcntl.flock, fcntl.lockf
_WOULD_BLOCK = (errno.EAGAIN, errno.EACCES)


def replacements() -> Iterator[Replacement]:
    """What takes the place of file locks."""
    yield Replacement(fcntl, "flock", _flock)
    yield Replacement(fcntl, "lockf", _lockf)


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


def _lock(agent: ActingAgent, place: str, kind: str, operation: int, lock: Any) -> None:
    shared = "shared" if operation & fcntl.LOCK_SH else "exclusive"
    if operation & fcntl.LOCK_UN:
        agent.perform(Effect(kind, (place,), "unlock", changes=True), lambda: lock(operation))
        return
    if operation & fcntl.LOCK_NB:
        agent.perform(Effect(kind, (place,), f"try {shared}", True), lambda: lock(operation))
        return

    def attempt() -> bool:
        try:
            lock(operation | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                raise
            return False
        return True

    agent.wait_for(Effect(kind, (place,), shared, changes=True), attempt, None)
