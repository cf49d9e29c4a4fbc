"""Calls on files by descriptor, and those that make one and let it go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from proofs.harness.agents import acting
from proofs.harness.doors.files import (
    exists,
    kept,
    real,
    seen,
    to_write,
    touch,
    touch_directories,
)
from proofs.harness.doors.pipes import await_readable
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect, effect_on

# name: (the kind of its effect, whether it changes anything)
_BY_DESCRIPTOR: Final = {
    "fchmod": ("chmod", True),
    "fchown": ("chown", True),
    "fdatasync": ("fsync", False),
    "fstat": ("stat", False),
    "fstatvfs": ("statvfs", False),
    "fsync": ("fsync", False),
    "ftruncate": ("truncate", True),
    "posix_fallocate": ("truncate", True),
    "pread": ("read", False),
    "preadv": ("read", False),
    "pwrite": ("write", True),
    "pwritev": ("write", True),
    "read": ("read", False),
    "readv": ("read", False),
    "write": ("write", True),
    "writev": ("write", True),
}
# name: where its source and its target stand among its arguments
_BETWEEN: Final = {"copy_file_range": (0, 1), "sendfile": (1, 0), "splice": (0, 1)}
_SPECIAL: Final = ("open", "close", "closerange", "dup", "dup2")
_PRESENT = kept([*_BY_DESCRIPTOR, *_BETWEEN, *_SPECIAL])
_real_open: Callable[..., int] = real("open")
_real_close: Callable[[int], None] = real("close")


def replacements() -> Iterator[Replacement]:
    """What takes the place of these functions of ``os``."""
    special = {"open": _open, "close": _close, "dup": _dup, "dup2": _dup2}
    special["closerange"] = _closerange
    for name in _PRESENT:
        if name in special:
            yield Replacement(os, name, special[name])
        elif name in _BETWEEN:
            yield Replacement(os, name, _between(name, *_BETWEEN[name]))
        else:
            yield Replacement(os, name, _by_descriptor(name, *_BY_DESCRIPTOR[name]))


def number_of(descriptor: Any) -> Any:
    """The number of a descriptor that is given as a number or as an open file."""
    return descriptor if isinstance(descriptor, int) else descriptor.fileno()


def _by_descriptor(name: str, kind: str, changes: bool) -> Callable[..., Any]:
    function = real(name)

    def through_the_door(fd: Any, *args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(fd, *args, **kwargs)
        place = agent.places.name(fd if isinstance(fd, int) else number_of(fd))
        if place is None:
            if name in ("read", "readv"):
                await_readable(agent, number_of(fd))
            return function(fd, *args, **kwargs)

        def act() -> Any:
            given = (to_write(args[0]), *args[1:]) if kind == "write" and args else args
            result = function(fd, *given, **kwargs)
            if changes:
                touch(agent, number_of(fd))
            return seen(agent, result)

        return agent.perform(effect_on(kind, place, "", changes), act)

    return through_the_door


def _between(name: str, source: int, target: int) -> Callable[..., Any]:
    """What the kernel copies from one descriptor to another."""
    function = real(name)

    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None or len(args) < 2:
            return function(*args, **kwargs)
        read, written = (agent.places.name(args[at]) for at in (source, target))
        places = tuple(place for place in (read, written) if place is not None)
        if not places:
            return function(*args, **kwargs)

        def act() -> Any:
            result = function(*args, **kwargs)
            if written is not None:
                touch(agent, args[target])
            return result

        return agent.perform(Effect(name, places, changes=written is not None), act)

    return through_the_door


def _open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    agent = acting.agent
    place = agent.places.name(path, dir_fd) if agent is not None else None
    if agent is None or place is None:
        return _real_open(path, flags, mode, dir_fd=dir_fd)
    may_create = bool(flags & os.O_CREAT)
    effect = effect_on("open", place, _how(flags), may_create or bool(flags & os.O_TRUNC))

    opened: list[int] = []

    def act() -> int:
        is_new = may_create and not exists(path, dir_fd)
        descriptor = _real_open(path, flags, mode, dir_fd=dir_fd)
        if is_new:
            agent.made = True
            touch_directories(agent, (path, dir_fd))
        if is_new or flags & os.O_TRUNC:
            touch(agent, descriptor)
        agent.places.opened(descriptor, place)
        opened.append(descriptor)
        return descriptor

    try:
        return agent.perform(effect, act)
    except BaseException:
        for descriptor in opened:  # it was opened, and failed all the same
            agent.places.closed(descriptor)
            real("close")(descriptor)
        raise


@cache
def _how(flags: int) -> str:
    words = ["w" if flags & (os.O_WRONLY | os.O_RDWR) else "r"]
    names = {"create": os.O_CREAT, "exclusive": os.O_EXCL, "truncate": os.O_TRUNC}
    return " ".join(words + [word for word, flag in names.items() if flags & flag])


def _close(fd: int) -> None:
    agent = acting.agent
    place = agent.places.name(fd) if agent is not None else None
    if agent is None or place is None:
        _real_close(fd)
        return

    def act() -> None:
        agent.places.closed(fd)
        _real_close(fd)

    # Closing lets go of a lock, so others may see it.
    agent.perform(effect_on("close", place, "", True), act)


def _closerange(low: int, high: int, /) -> None:
    agent = acting.agent
    if agent is not None:
        for descriptor in sorted(agent.places.open_descriptors()):
            if low <= descriptor < high:
                _close(descriptor)
    real("closerange")(low, high)


def _dup(fd: int, /) -> int:
    """Nobody else sees that there is one more; what is done with it is done to the same file."""
    agent = acting.agent
    place = agent.places.name(fd) if agent is not None else None
    descriptor = int(real("dup")(fd))
    if agent is not None and place is not None:
        agent.places.opened(descriptor, place)
    return descriptor


def _dup2(fd: int, fd2: int, inheritable: bool = True) -> int:
    """Closes what the second one led to before."""
    agent = acting.agent
    if agent is None:
        return int(real("dup2")(fd, fd2, inheritable))
    place, closed = agent.places.name(fd), agent.places.name(fd2)

    def act() -> int:
        descriptor = int(real("dup2")(fd, fd2, inheritable))
        agent.places.closed(fd2)
        if place is not None:
            agent.places.opened(descriptor, place)
        return descriptor

    if closed is None or fd == fd2:
        return act()
    return agent.perform(Effect("close", (closed,), changes=True), act)
