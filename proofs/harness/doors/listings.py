"""``os.scandir``: the names of a directory, each with what the listing tells of its file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import acting
from proofs.harness.doors.files import real
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import effect_on


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``os.scandir``."""
    yield Replacement(os, "scandir", _scandir)


class _Entry:
    """A directory entry whose own looks at the file go through the doors too.

    What kind of file it is, the listing itself has told; only a link must be looked at to follow.
    ``directory`` is the descriptor that was listed, if it was one.
    """

    def __init__(self, entry: os.DirEntry[Any], directory: int | None) -> None:
        self.name = entry.name
        self.path = entry.path
        self._inode = entry.inode()
        self._is_link = entry.is_symlink()
        self._is_directory = entry.is_dir(follow_symlinks=False)
        self._is_file = entry.is_file(follow_symlinks=False)
        self._directory = directory

    def inode(self) -> int:
        return self._inode

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path, dir_fd=self._directory, follow_symlinks=follow_symlinks)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        if follow_symlinks and self._is_link:
            return self._leads_to(stat.S_ISDIR)
        return self._is_directory

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        if follow_symlinks and self._is_link:
            return self._leads_to(stat.S_ISREG)
        return self._is_file

    def is_symlink(self) -> bool:
        return self._is_link

    def is_junction(self) -> bool:
        return False

    def _leads_to(self, kind: Callable[[int], bool]) -> bool:
        try:
            return kind(self.stat().st_mode)
        except FileNotFoundError:
            return False

    def __fspath__(self) -> Any:
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


def _scandir(path: Any = None) -> Any:
    agent = acting.agent
    place = agent.places.name("." if path is None else path) if agent is not None else None
    if agent is None or place is None:
        return real("scandir")(path)
    directory = path if isinstance(path, int) else None

    def act() -> _Entries:
        with real("scandir")(path) as entries:
            found = [_Entry(entry, directory) for entry in entries]
        by_name = sorted(found, key=lambda entry: agent.listing_key(os.fsdecode(entry.name)))
        return _Entries(by_name)

    return agent.perform(effect_on("listdir", place), act)
