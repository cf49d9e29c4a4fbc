"""Calls on files by path: the functions of ``os`` that are given names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from proofs.harness.agents import ActingAgent, acting
from proofs.harness.doors.files import kept, real, seen, touch, touch_directories
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect, effect_on


class _Path(NamedTuple):
    """One parameter that is a path: where it stands, its name, and that of its directory."""

    at: int
    name: str
    directory: str = "dir_fd"


_ONE = (_Path(0, "path"),)
_FROM_AND_TO = (_Path(0, "src", "src_dir_fd"), _Path(1, "dst", "dst_dir_fd"))
_LINK = (_Path(1, "dst"),)  # where a symbolic link leads to is a text


class _Door(NamedTuple):
    """``changes`` what others may see; ``names`` are the paths whose directories it changes, and
    ``makes`` the one that is new afterwards.
    """

    paths: tuple[_Path, ...] = _ONE
    changes: bool = False
    names: tuple[int, ...] = ()
    makes: int | None = None
    kind: str | None = None


_DOORS = {
    "access": _Door(),
    "chmod": _Door(changes=True),
    "chown": _Door(changes=True),
    "getxattr": _Door(),
    "lchown": _Door(changes=True, kind="chown"),
    "link": _Door(_FROM_AND_TO, changes=True, names=(1,)),
    "listdir": _Door(),
    "listxattr": _Door(),
    "lstat": _Door(kind="stat"),
    "mkdir": _Door(changes=True, names=(0,), makes=0),
    "mkfifo": _Door(changes=True, names=(0,), makes=0, kind="mknod"),
    "mknod": _Door(changes=True, names=(0,), makes=0),
    "readlink": _Door(),
    "remove": _Door(changes=True, names=(0,), kind="unlink"),
    "removexattr": _Door(changes=True),
    "rename": _Door(_FROM_AND_TO, changes=True, names=(0, 1), kind="replace"),
    "replace": _Door(_FROM_AND_TO, changes=True, names=(0, 1)),
    "rmdir": _Door(changes=True, names=(0,)),
    "setxattr": _Door(changes=True),
    "stat": _Door(),
    "statvfs": _Door(),
    "symlink": _Door(_LINK, changes=True, names=(0,), makes=0),
    "truncate": _Door(changes=True),
    "unlink": _Door(changes=True, names=(0,)),
}
_PRESENT = kept([*_DOORS, "utime"])


def replacements() -> Iterator[Replacement]:
    """What takes the place of these functions."""
    for name in _PRESENT:
        yield Replacement(os, name, _utime if name == "utime" else _through(name, _DOORS[name]))


def _through(name: str, door: _Door) -> Callable[..., Any]:
    general = _in_general(name, door)
    return _looking(name, door, general) if door == _Door(kind=door.kind) else general


def _looking(name: str, door: _Door, general: Callable[..., Any]) -> Callable[..., Any]:
    """The lean way for what most calls are: a look at one path that is given alone."""
    function, kind = real(name), door.kind or name

    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None or kwargs or len(args) != 1:
            return general(*args, **kwargs)
        place = agent.places.name(args[0])
        if place is None:
            return function(*args)
        return agent.perform(effect_on(kind, place), lambda: seen(agent, function(*args)))

    return through_the_door


def _in_general(name: str, door: _Door) -> Callable[..., Any]:
    function, kind, changes = real(name), door.kind or name, door.changes
    count = max(path.at for path in door.paths) + 1

    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(*args, **kwargs)
        if kwargs or len(args) < count:
            paths = [_given(path, args, kwargs) for path in door.paths]
            found = [agent.places.name(path, directory) for path, directory in paths]
        else:
            paths = [(args[path.at], None) for path in door.paths]
            found = [agent.places.name(path) for path, _ in paths]
        names = tuple([name for name in found if name is not None])
        if not names:
            return function(*args, **kwargs)

        def act() -> Any:
            result = function(*args, **kwargs)
            if not changes:
                return seen(agent, result)
            _touch_all(agent, door, paths, found)
            return result

        return agent.perform(Effect(kind, names, "", changes), act)

    return through_the_door


def _given(path: _Path, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The path and the descriptor of the directory that it starts from, as they were given."""
    text = args[path.at] if path.at < len(args) else kwargs.get(path.name, ".")
    return text, kwargs.get(path.directory)


def _touch_all(
    agent: ActingAgent, door: _Door, paths: list[tuple[Any, Any]], names: list[str | None]
) -> None:
    """What has changed, at and below the board's directory; ``names`` are None elsewhere."""
    if door.names == (0,) and names[0] != ".":  # all but two doors
        touch_directories(agent, paths[0])
    elif door.names:
        touch_directories(agent, *[paths[at] for at in door.names if names[at] not in (None, ".")])
    if door.makes is not None:
        touch(agent, *paths[door.makes], is_new=True)
    elif not door.names:
        touch(agent, *paths[0])


def _utime(path: Any, times: Any = None, **kwargs: Any) -> None:
    agent = acting.agent
    directory = kwargs.get("dir_fd")
    place = agent.places.name(path, directory) if agent is not None else None
    if agent is None or place is None:
        real("utime")(path, times, **kwargs)
        return

    def act() -> None:
        if times is None and "ns" not in kwargs:
            touch(agent, path, directory)
        else:
            real("utime")(path, times, **kwargs)

    agent.perform(effect_on("utime", place, "", True), act)
