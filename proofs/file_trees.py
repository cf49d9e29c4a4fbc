"""All that lies in a directory, as one value that can be compared."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["differences", "file_tree"]


_BYTES_MAX = 2**26  # a file of holes may be larger than memory


def file_tree(root: Path) -> dict[str, object]:
    """Of every file, directory and link under ``root`` what it is and holds, by relative path.

    Times do not count, with one exception: the inode of a regular file is part of it, so that a
    file that was written anew with the same bytes shows as changed.
    """
    found: dict[str, object] = {}
    for directory, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = _what_is_at(path)
    return found


def differences(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """What came, went or changed: by relative path what was there and what is there now."""
    return {
        name: (before.get(name, "nothing"), after.get(name, "nothing"))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _what_is_at(path: str) -> object:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            return status.st_ino, status.st_mode, status.st_size, file.read(_BYTES_MAX)
    return (status.st_mode, os.readlink(path)) if kind == stat.S_IFLNK else status.st_mode
