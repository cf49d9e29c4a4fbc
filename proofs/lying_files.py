"""What lies under the name of a task's file, whatever it is, and how a person puts it there."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

__all__ = ["are_kept", "ids_in", "lies_at", "put", "take_away"]


def ids_in(storage: Path) -> set[str]:
    """The ids under whose names something lies there."""
    names = (name for name in os.listdir(storage) if not name.startswith("."))
    return {name.removesuffix(".json") for name in names}


def lies_at(path: Path) -> object:
    """The bytes of a file; of what is none its kind and what it holds; None if nothing is there.

    Opens nothing that could wait for somebody.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return path.read_bytes()
    if stat.S_ISLNK(mode):
        return ("link", os.readlink(path))
    if stat.S_ISDIR(mode):
        return ("directory", *((one.name, lies_at(one)) for one in sorted(path.iterdir())))
    return ("special", stat.S_IFMT(mode))


def take_away(path: Path) -> None:
    """Whatever it is, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def put(path: Path, data: bytes) -> None:
    """Write it in place, as editors and disks do; anew where that would reach elsewhere."""
    if os.path.lexists(path):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            take_away(path)
    path.write_bytes(data)


def are_kept(kept: Sequence[object], moved: Sequence[object], in_part: Collection[object]) -> bool:
    """Whether all that was moved is kept, and beside it only what was moved in part."""
    rest = list(kept)
    for one in moved:
        if one not in rest:
            return False
        rest.remove(one)
    return all(one in in_part for one in rest)
