"""How a directory stands: enough of everything below it to tell that somebody changed it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from proofs.harness.doors.files import real

Entry = tuple[int, int, int, int, int]
"""Device, inode, size, time of the last change of the content, and of anything."""

Snapshot = dict[str, Entry]


def snapshot(root: str) -> Snapshot:
    """Everything at and below ``root``, by its name there; empty if it is gone.

    A file that a door changed bears a time of the scenario, so one that is written behind the doors
    differs however coarse the clock of the file system is.
    """
    return dict(_below(root, "."))


def _below(path: str, name: str) -> Iterator[tuple[str, Entry]]:
    try:
        status = real("lstat")(path)
        yield name, (status.st_dev, status.st_ino, _size(status), *_times(status))
        if not stat.S_ISDIR(status.st_mode):
            return
        with real("scandir")(path) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, PermissionError):
        return  # it went away meanwhile, or nobody here may look
    for below in names:
        yield from _below(f"{path}/{below}", below if name == "." else f"{name}/{below}")


def _size(status: os.stat_result) -> int:
    return 0 if stat.S_ISDIR(status.st_mode) else status.st_size


def _times(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_ctime_ns


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """In words what is not as it was; a directory only if nothing in it tells."""
    found = [f"made {name}" for name in after.keys() - before.keys()]
    found += [f"removed {name}" for name in before.keys() - after.keys()]
    found += [f"changed {n}" for n in before.keys() & after.keys() if before[n] != after[n]]
    names = {words.partition(" ")[2] for words in found}
    directories = {os.path.dirname(name) or "." for name in names if name != "."}
    return sorted(words for words in found if words.partition(" ")[2] not in directories)
