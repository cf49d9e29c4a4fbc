"""What no gate can stop: other programs, and locks between processes. Told by name.

It is let happen, in real time. An agent that waits at a lock between processes for its own child,
while that one stands at the gate, holds up the run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import acting, nobody_acting
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect

try:
    import _posixsubprocess as starter
    from multiprocessing.synchronize import SemLock as _SemLock
except ImportError:  # pragma: no cover
    starter = _SemLock = None  # type: ignore[assignment, misc]

_PROGRAMS = ("posix_spawn", "posix_spawnp", "system")
_BECOMES = ("execv", "execve")
_WAITS = ("wait3", "wait4", "waitid")
_real_forkpty: Callable[[], tuple[int, int]] | None = getattr(os, "forkpty", None)


def replacements() -> Iterator[Replacement]:
    """What takes the place of starting and becoming other programs."""
    for name in _PROGRAMS:
        if hasattr(os, name):
            yield Replacement(os, name, _starts(name, getattr(os, name)))
    for name in _BECOMES:
        yield Replacement(os, name, _becomes(getattr(os, name)))
    for name in _WAITS:
        if hasattr(os, name):
            yield Replacement(os, name, _told(f"waited by os.{name}", getattr(os, name)))
    if starter is not None:
        door = _starts("fork_exec", starter.fork_exec)
        yield Replacement(starter, "fork_exec", door)
        yield Replacement(subprocess, "_fork_exec", door)
    if _SemLock is not None:
        door = _told("made a lock between processes", _SemLock.__init__)
        yield Replacement(_SemLock, "__init__", door)
    if _real_forkpty is not None:
        yield Replacement(os, "forkpty", _forkpty)


def _told(words: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is not None:
            agent.unseen(f"{words}, which no gate can stop")
        return function(*args, **kwargs)

    return through_the_door


def _starts(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(*args, **kwargs)
        words = _words(args[0] if name in ("fork_exec", "system") else args[1])
        agent.unseen(f"started {words}, which no gate can stop")
        effect = Effect("start program", (), os.path.basename(words[0]))

        def act() -> Any:
            with nobody_acting():
                return function(*args, **kwargs)

        return agent.perform(effect, act)

    return through_the_door


def _becomes(function: Callable[..., Any]) -> Callable[..., Any]:
    def through_the_door(path: Any, args: Any, *more: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(path, args, *more)
        agent.unseen(f"became {_words(args)}, which no gate can stop")
        if not agent.is_child:
            raise PermissionError("an agent must stay what it is, got a call of os.exec")
        agent.leave_for(os.fsdecode(path), lambda: function(path, args, *more))
        return None

    return through_the_door


def _forkpty() -> tuple[int, int]:
    agent = acting.agent
    assert _real_forkpty is not None
    if agent is None:
        return _real_forkpty()
    agent.unseen("forked a child with a terminal, which no gate can stop")
    pid, descriptor = _real_forkpty()
    if pid == 0:
        acting.agent = None
    return pid, descriptor


def _words(command: Any) -> list[str]:
    """A program and its arguments, however they were given."""
    parts = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
    return [os.fsdecode(part) for part in parts]
