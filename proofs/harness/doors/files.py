"""Calls on files by path and by descriptor: the functions of ``os``."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.pipes import await_readable
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect

_SPECIAL = ("close", "open", "scandir", "symlink", "utime")

# name: (how many paths it takes, what it changes: what bears the last name, its directories)
_BY_PATH = {
    "chmod": (1, "itself"),
    "link": (2, "directories"),
    "listdir": (1, ""),
    "lstat": (1, ""),
    "mkdir": (1, "itself and directories"),
    "readlink": (1, ""),
    "remove": (1, "directories"),
    "rename": (2, "directories"),
    "replace": (2, "directories"),
    "rmdir": (1, "directories"),
    "stat": (1, ""),
    "truncate": (1, "itself"),
    "unlink": (1, "directories"),
}
_BY_DESCRIPTOR = {
    "fdatasync": False,
    "fstat": False,
    "fsync": False,
    "ftruncate": True,
    "pread": False,
    "pwrite": True,
    "read": False,
    "write": True,
}


_real: dict[str, Callable[..., Any]] = {
    name: getattr(os, name) for name in (*_BY_PATH, *_BY_DESCRIPTOR, *_SPECIAL) if hasattr(os, name)
}


_utime_itself = _real["utime"]


def replacements() -> Iterator[Replacement]:
    """What takes the place of the functions of ``os``."""
    special = {"open": _open, "close": _close, "utime": _utime, "symlink": _symlink}
    special["scandir"] = _scandir
    for name in _real:
        if name in special:
            yield Replacement(os, name, special[name])
        elif name in _BY_PATH:
            yield Replacement(os, name, _by_path(name, *_BY_PATH[name]))
        else:
            yield Replacement(os, name, _by_descriptor(name, _BY_DESCRIPTOR[name]))


def real(name: str) -> Callable[..., Any]:
    """The function of ``os`` itself, for the harness' own use."""
    return _real[name]


def _by_path(name: str, paths: int, changes: str) -> Callable[..., Any]:
    function, kind = _real[name], _KINDS.get(name, name)
    touches_itself, touches_directories = "itself" in changes, "directories" in changes

    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(*args, **kwargs)
        names = _names(agent, args[:paths], kwargs)
        if not names:
            return function(*args, **kwargs)

        def act() -> Any:
            result = function(*args, **kwargs)
            if not changes:
                return _seen(agent, result)
            if touches_itself:
                touch(agent, agent.places.path(names[-1]))
            if touches_directories:
                touch_directories(agent, names)
            return result

        return agent.perform(Effect(kind, names, "", changes != ""), act)

    return through_the_door


def _by_descriptor(name: str, changes: bool) -> Callable[..., Any]:
    function, kind = _real[name], _KINDS.get(name, name)

    def through_the_door(descriptor: Any, *args: Any) -> Any:
        agent = acting.agent
        place = agent.places.name(descriptor) if agent is not None else None
        if agent is None or place is None:
            if agent is not None and name == "read":
                await_readable(agent, descriptor)
            return function(descriptor, *args)

        def act() -> Any:
            result = function(descriptor, *args)
            if changes:
                touch(agent, descriptor)
            return _seen(agent, result)

        return agent.perform(Effect(kind, (place,), "", changes), act)

    return through_the_door


_KINDS = {"rename": "replace", "remove": "unlink", "pread": "read", "pwrite": "write"}
_KINDS |= {"lstat": "stat", "fstat": "stat", "fdatasync": "fsync", "ftruncate": "truncate"}


def _names(agent: ActingAgent, paths: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    """The names of those that lie below the board's directory."""
    directory = kwargs.get("dir_fd", kwargs.get("src_dir_fd")) if kwargs else None
    names = [agent.places.name(path, directory) for path in paths]
    return tuple([name for name in names if name is not None])


def _open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    agent = acting.agent
    place = agent.places.name(path, dir_fd) if agent is not None else None
    if agent is None or place is None:
        return int(_real["open"](path, flags, mode, dir_fd=dir_fd))
    may_create = bool(flags & os.O_CREAT)
    effect = Effect("open", (place,), _how(flags), changes=may_create or bool(flags & os.O_TRUNC))

    def act() -> int:
        is_new = may_create and not exists(agent.places.path(place))
        descriptor: int = _real["open"](path, flags, mode, dir_fd=dir_fd)
        if is_new:
            agent.made = True
            touch_directories(agent, (place,))
        if is_new or flags & os.O_TRUNC:
            touch(agent, descriptor)
        agent.places.opened(descriptor, place)
        return descriptor

    return agent.perform(effect, act)


def _how(flags: int) -> str:
    words = ["w" if flags & (os.O_WRONLY | os.O_RDWR) else "r"]
    return " ".join(words + [word for word, flag in _FLAGS.items() if flags & flag])


_FLAGS = {"create": os.O_CREAT, "exclusive": os.O_EXCL, "truncate": os.O_TRUNC}


def _close(descriptor: int) -> None:
    agent = acting.agent
    place = agent.places.name(descriptor) if agent is not None else None
    if agent is None or place is None:
        _real["close"](descriptor)
        return

    def act() -> None:
        agent.places.closed(descriptor)
        _real["close"](descriptor)

    # Closing lets go of a lock, so others may see it.
    agent.perform(Effect("close", (place,), changes=True), act)


def _utime(path: Any, times: Any = None, **kwargs: Any) -> None:
    agent = acting.agent
    place = agent.places.name(path) if agent is not None else None
    if agent is None or place is None:
        _real["utime"](path, times, **kwargs)
        return

    def act() -> None:
        if times is None and "ns" not in kwargs:
            touch(agent, path)
        else:
            _real["utime"](path, times, **kwargs)

    agent.perform(Effect("utime", (place,), changes=True), act)


def _symlink(source: Any, target: Any, *args: Any, **kwargs: Any) -> None:
    agent = acting.agent
    place = agent.places.name(target) if agent is not None else None
    if agent is None or place is None:
        _real["symlink"](source, target, *args, **kwargs)
        return

    def act() -> None:
        _real["symlink"](source, target, *args, **kwargs)
        touch_directories(agent, (place,))

    agent.perform(Effect("symlink", (place,), changes=True), act)


class _Entry:
    """A directory entry whose own looks at the file go through the doors too."""

    def __init__(self, directory: str, entry: os.DirEntry[str]) -> None:
        self.name = entry.name
        self.path = os.path.join(directory, entry.name)
        self._inode = entry.inode()

    def inode(self) -> int:
        return self._inode

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path) if follow_symlinks else os.lstat(self.path)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_ISDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_ISREG, follow_symlinks)

    def is_symlink(self) -> bool:
        return self._is(stat.S_ISLNK, follow_symlinks=False)

    def _is(self, kind: Callable[[int], bool], follow_symlinks: bool) -> bool:
        try:
            return kind(self.stat(follow_symlinks=follow_symlinks).st_mode)
        except FileNotFoundError:
            return False

    def __fspath__(self) -> str:
        return self.path


class _Entries:
    """What os.scandir answers: an iterator that can be closed."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[_Entry]:
        return self._entries

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _scandir(path: Any = ".") -> Any:
    agent = acting.agent
    place = agent.places.name(path) if agent is not None else None
    if agent is None or place is None:
        return _real["scandir"](path)

    def act() -> _Entries:
        with _real["scandir"](path) as entries:
            found = [_Entry(os.fsdecode(path), entry) for entry in entries]
        return _Entries(sorted(found, key=lambda entry: agent.listing_key(entry.name)))

    return agent.perform(Effect("listdir", (place,)), act)


def exists(path: Any) -> bool:
    """Whether anything bears this name; the harness asks, not an agent."""
    try:
        _real["lstat"](path)
    except FileNotFoundError:
        return False
    return True


def touch(agent: ActingAgent, path: Any) -> None:
    """Give what was just changed the time of the agent's clock, for every process to see."""
    now_ns = agent.clock.shared.file_ns
    _utime_itself(path, ns=(now_ns, now_ns))


def touch_directories(agent: ActingAgent, names: tuple[str, ...]) -> None:
    """The same for the directories in which these names came or went."""
    for directory in {agent.places.directory(name) for name in names} - {None}:
        touch(agent, directory)


def _seen(agent: ActingAgent, result: Any) -> Any:
    """What an effect answers, without what only this machine's disk and kernel decide."""
    if isinstance(result, list):
        return sorted(result, key=agent.listing_key)
    if not isinstance(result, os.stat_result):
        return result
    parts: Any = result.__reduce__()
    kind, (visible, others) = parts
    others = {**others, "st_ctime_ns": result.st_mtime_ns, "st_ctime": result.st_mtime}
    if stat.S_ISDIR(result.st_mode):
        visible = (*visible[:6], 4096, *visible[7:])
    return kind(visible, others)
