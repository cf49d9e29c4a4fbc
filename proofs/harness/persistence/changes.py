"""What was done to a directory, with the data, in order: plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

ROOT: Final = 0
"""The id of the directory itself. Files and directories have ids, since names move."""


class Entry(NamedTuple):
    """What a name in a directory stands for from now on; None for nothing."""

    directory: int
    name: str
    target: int | None


class Named(NamedTuple):
    """A change of names that takes effect as one: made, linked, renamed, removed.

    ``replaces`` tells that a file was renamed over a name that was there.
    """

    entries: tuple[Entry, ...]
    replaces: bool = False


class Written(NamedTuple):
    """The file holds these bytes from now on, all of it.

    ``sized`` tells that it was only given this size, by a call of its own.
    """

    file: int
    data: bytes
    sized: bool = False


class Synced(NamedTuple):
    """A file or a directory was synced, and the call returned."""

    target: int


class Failed(NamedTuple):
    """A sync of a file raised: no later one brings to the disk what was written before it."""

    file: int


Change = Named | Written | Synced | Failed


@dataclass(slots=True)
class ChangeLog:
    """What was there, all of it on the disk, and what was done then.

    ``steps`` tells of each change how many effects had been done before; ``unseen`` in words what
    could not be written down, and makes whatever follows from this unknown.
    """

    names: dict[tuple[int, str], int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    directories: set[int] = field(default_factory=lambda: {ROOT})
    changes: list[Change] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def add(self, change: Change, step: int = 0) -> None:
        """It happened within the effect of this number."""
        self.changes.append(change)
        self.steps.append(step)


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """What lies below a directory: the paths of directories, and of files with their bytes.

    ``links`` are the paths that stand for one file, where there is more than one.
    """

    directories: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]
    links: tuple[tuple[str, ...], ...] = ()


def directory_state(
    names: dict[tuple[int, str], int], contents: dict[int, bytes], directories: Iterable[int]
) -> DirectoryState:
    """What can be reached from the root; a directory that comes to lie in itself is left out."""
    below: dict[int, list[tuple[str, int]]] = {}
    for (directory, name), target in names.items():
        below.setdefault(directory, []).append((name, target))
    found: dict[str, bytes] = {}
    paths: list[str] = []
    named: dict[int, list[str]] = {}
    known = frozenset(directories)
    todo: list[tuple[str, int, frozenset[int]]] = [("", ROOT, frozenset({ROOT}))]
    while todo:
        prefix, directory, above = todo.pop()
        for name, target in below.get(directory, ()):
            path = prefix + name
            if target not in known:
                found[path] = contents.get(target, b"")
                named.setdefault(target, []).append(path)
            elif target not in above:
                paths.append(path)
                todo.append((f"{path}/", target, above | {target}))
    links = sorted(tuple(sorted(same)) for same in named.values() if len(same) > 1)
    return DirectoryState(tuple(sorted(paths)), tuple(sorted(found.items())), tuple(links))
