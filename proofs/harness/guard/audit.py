"""Watches the audit events of agents under guard: they tell on which paths a C function acts."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NamedTuple

from proofs.harness.agents import acting
from proofs.harness.guard.calls import named
from proofs.harness.guard.frames import is_below_import, is_no_board
from proofs.harness.guard.guarded_agent import GuardedAgent

Arguments = tuple[Any, ...]


class _Paths(NamedTuple):
    """Which arguments are paths or descriptors, and which the directory that they start from."""

    paths: tuple[int, ...]
    directories: tuple[int, ...] = ()


_ON_PATHS: Final = {
    "open": _Paths((0,)),
    "os.chflags": _Paths((0,)),
    "os.chmod": _Paths((0,), (2,)),
    "os.chown": _Paths((0,), (3,)),
    "os.getxattr": _Paths((0,)),
    "os.lchmod": _Paths((0,)),
    "os.link": _Paths((0, 1), (2, 3)),
    "os.listdir": _Paths((0,)),
    "os.listxattr": _Paths((0,)),
    "os.lockf": _Paths((0,)),
    "os.mkdir": _Paths((0,), (2,)),
    "os.remove": _Paths((0,), (1,)),
    "os.removexattr": _Paths((0,)),
    "os.rename": _Paths((0, 1), (2, 3)),
    "os.rmdir": _Paths((0,), (1,)),
    "os.scandir": _Paths((0,)),
    "os.setxattr": _Paths((0,)),
    "os.symlink": _Paths((1,), (2,)),
    "os.truncate": _Paths((0,)),
    "os.utime": _Paths((0,), (3,)),
    "fcntl.flock": _Paths((0,)),
    "fcntl.ioctl": _Paths((0,)),
    "fcntl.lockf": _Paths((0,)),
    "mmap.__new__": _Paths((0,)),
}
_CHILDREN: Final = named(
    "os.exec os.fork os.forkpty os.posix_spawn os.system pty.spawn subprocess.Popen"
)
_HARMLESS_COMMANDS: Final = frozenset(
    getattr(fcntl, name, -1) for name in ("F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_FULLFSYNC")
)

_is_added = False
_watched = 0


@contextmanager
def hooked() -> Iterator[None]:
    """Meanwhile events of guarded agents are looked at; a hook once added stays, and does nothing.

    It costs every audit event of the process some tenth of a microsecond.
    """
    global _is_added, _watched  # noqa: PLW0603 - the hook is the interpreter's, not a run's
    if not _is_added:
        sys.addaudithook(_hook)
        _is_added = True
    _watched += 1
    try:
        yield
    finally:
        _watched -= 1


def watched_threads() -> int:
    """How many agents are looked at now."""
    return _watched


def _hook(event: str, arguments: Arguments) -> None:
    if not _watched:
        return
    handler = _HANDLERS.get(event)
    if handler is None:
        return
    agent = acting.agent
    if not isinstance(agent, GuardedAgent) or agent.is_inside:
        return
    frame = sys._getframe(1)
    if is_no_board(frame):
        return  # a door let through what lies elsewhere
    try:
        handler(agent, frame, event, arguments)
    except Exception as error:
        agent.unseen(f"went unwatched, for the guard failed: {error!r}")


def _on_paths(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    which = _ON_PATHS[event]
    directories = [_at(arguments, at) for at in which.directories] or [None]
    names = []
    for number, at in enumerate(which.paths):
        directory = directories[min(number, len(directories) - 1)]
        names.append(_place(agent, _at(arguments, at), directory))
    found = tuple(name for name in names if name is not None)
    if found:
        agent.unseen_call(event, found, frame)


def _at(arguments: Arguments, at: int) -> Any:
    return arguments[at] if at < len(arguments) else None


def _place(agent: GuardedAgent, path: Any, directory: Any) -> str | None:
    """The name of what lies below the board's directory."""
    if isinstance(path, int):
        return agent.place_of_descriptor(path)
    if path is None:
        path = "."  # as of os.listdir()
    if isinstance(directory, int) and directory >= 0 and not os.path.isabs(os.fsdecode(path)):
        base = agent.place_of_descriptor(directory)
        return None if base is None else os.path.normpath(f"{base}/{os.fsdecode(path)}")
    return agent.places.name(path)


def _on_descriptor(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    """``fcntl.fcntl``, many of whose commands change nothing of the file."""
    place = agent.place_of_descriptor(arguments[0])
    if place is not None and arguments[1] not in _HARMLESS_COMMANDS:
        agent.unseen_call(event, (place,), frame)


def _on_database(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    """SQLite reads, writes and locks its files in C."""
    text = os.fsdecode(arguments[0]).removeprefix("file:").partition("?")[0]
    place = agent.places.name(text) if text not in ("", ":memory:") else None
    if place is not None:
        agent.unseen_call(event, (place,), frame)


def _child(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    """A child process stops at no gate, whatever it does."""
    agent.unseen_call(event, (), frame)


def _library(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    """What functions of a C library do is not seen; a module that is imported only loads them."""
    if not is_below_import(frame):
        agent.unseen_call(event, (str(arguments[-1]),), frame)


def _anywhere(agent: GuardedAgent, frame: FrameType, event: str, arguments: Arguments) -> None:
    """What concerns other processes, all agents of this one, or the guard itself."""
    agent.unseen_call(event, (), frame)


_HANDLERS: Final[dict[str, Callable[[GuardedAgent, FrameType, str, Arguments], None]]] = {
    **dict.fromkeys(_ON_PATHS, _on_paths),
    **dict.fromkeys(_CHILDREN, _child),
    **dict.fromkeys(("ctypes.dlopen", "ctypes.dlsym"), _library),
    **dict.fromkeys(("os.chdir", "os.kill", "os.killpg", "sys.setprofile"), _anywhere),
    "fcntl.fcntl": _on_descriptor,
    "sqlite3.connect": _on_database,
}
