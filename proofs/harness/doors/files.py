"""The real functions of ``os`` for files, and the times that changed files bear."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from proofs.harness.agents import ActingAgent, acting

_real: dict[str, Callable[..., Any]] = {}

_DIRECTORY_BYTES = 4096


def kept(names: Iterable[str]) -> list[str]:
    """Remember these functions as they are before any door opens; those that this system has."""
    found = [name for name in names if hasattr(os, name)]
    for name in found:
        _real.setdefault(name, getattr(os, name))
    return found


kept(["access", "fstat", "lstat", "scandir", "utime"])
_access, _lstat, _utime = _real["access"], _real["lstat"], _real["utime"]
_access_sees_links = _access in os.supports_follow_symlinks


def real(name: str) -> Callable[..., Any]:
    """The function of ``os`` itself, for the harness' own use."""
    return _real[name]


def to_write(data: Any) -> Any:
    """What a write writes: all of it, or as a fault has it the first half, at least a byte."""
    agent = acting.agent
    if agent is None or not agent.halves:
        return data
    if isinstance(data, list | tuple):
        data = b"".join(data)
        return [data[: max(1, len(data) // 2)]]
    view = memoryview(data).cast("B")
    return view[: max(1, len(view) // 2)]


def exists(path: Any, directory: int | None = None) -> bool:
    """Whether anything bears this name; the harness asks, not an agent."""
    if _access_sees_links:  # which takes half as long, and raises nothing
        return bool(_access(path, os.F_OK, dir_fd=directory, follow_symlinks=False))
    try:
        _lstat(path, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def touch(
    agent: ActingAgent, path: Any, directory: int | None = None, *, is_new: bool = False
) -> None:
    """Give what was just changed the time of the agent's clock, for every process to see.

    A relative path starts from the descriptor ``directory``. What is new may be a link, which is
    not followed.
    """
    now_ns = agent.clock.shared.file_ns
    if directory is None and not is_new:
        _utime(path, ns=(now_ns, now_ns))
    else:
        _utime(path, ns=(now_ns, now_ns), dir_fd=directory, follow_symlinks=not is_new)


def touch_directories(agent: ActingAgent, *paths: tuple[Any, int | None]) -> None:
    """The same for the directories in which these names were made, removed or replaced."""
    if len(paths) == 1 and paths[0][1] is None:
        touch(agent, _parent(paths[0][0]) or ".")
        return
    for parent, directory in {(_parent(path), directory) for path, directory in paths}:
        if parent or directory is None:
            touch(agent, parent or ".", directory)
        else:
            touch(agent, directory)


def _parent(path: Any) -> str:
    text = path if type(path) is str else os.fsdecode(path)
    return text.rstrip("/").rpartition("/")[0]


def seen(agent: ActingAgent, result: Any) -> Any:
    """What an effect answers, without what only this machine's disk and kernel decide."""
    if isinstance(result, list):
        return sorted(result, key=lambda name: agent.listing_key(os.fsdecode(name)))
    return _status(result) if isinstance(result, os.stat_result) else result


_NAMES = os.stat_result(range(10)).__reduce__()[1][1]
_OTHERS = attrgetter(*[re.sub("^st_[ac]time", "st_mtime", name) for name in _NAMES])
"""All that a status tells by name only, in its own order, with one time in place of three."""


def _status(result: os.stat_result) -> os.stat_result:
    """All times are that of the last change, which is the scenario's."""
    mode, inode, device, links, user, group, size, _, changed, _ = result
    size = _DIRECTORY_BYTES if stat.S_ISDIR(mode) else size
    visible = (mode, inode, device, links, user, group, size, changed, changed, changed)
    return os.stat_result(visible + _OTHERS(result))
