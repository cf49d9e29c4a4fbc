"""Moves a file out of the way so that at every moment, and after a crash, it is somewhere whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from swarm.own_places import check_directory
from swarm.task_file import TaskWriter

_NOT_LINKED = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EISDIR})


@contextmanager
def new_slot(parent: Path, writer: TaskWriter) -> Iterator[Path]:
    """A new numbered directory in ``parent``, which is made if need be; both are on the disk.

    Where what was to be moved into it fails, it goes again, unless something lies in it.
    """
    if not check_directory(parent):
        parent.mkdir()
    numbers = [int(name) for name in os.listdir(parent) if name.isdecimal()]
    slot = parent / f"{max(numbers, default=0) + 1:06d}"
    slot.mkdir()
    try:
        writer.sync(parent)
        writer.sync(parent.parent)
        yield slot
    except BaseException:
        with suppress(OSError):
            slot.rmdir()
        raise


def move_to_slot(path: Path, slot: Path, writer: TaskWriter) -> Path:
    """Move ``path`` into a directory of its own; its new path.

    The new name is on the disk before the old one goes. A file that somebody puts at ``path``
    meanwhile is not lost: it is put back, or kept in the slot if there is yet another by then.
    """
    target = slot / path.name
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NOT_LINKED:
            raise
        os.rename(path, target)  # a directory, or a file system without links
    else:
        writer.sync(slot)
        _drop_name(path, target, slot / ".aside")
    writer.sync(slot)
    writer.sync(path.parent)
    return target


def _drop_name(path: Path, target: Path, aside: Path) -> None:
    """Take the name ``path`` away, unless it stands for another file than ``target`` by now."""
    try:
        os.rename(path, aside)  # not unlink, which could not be taken back
        _drop_aside(path, target, aside)
    except BaseException:
        with suppress(OSError):  # as far as that can be done
            _drop_aside(path, target, aside)
        raise


def _drop_aside(path: Path, target: Path, aside: Path) -> None:
    """Remove what was put aside, if it is ``target``; else put it back, unless there is another."""
    if not os.path.samestat(os.lstat(aside), os.lstat(target)):
        try:
            os.link(aside, path, follow_symlinks=False)
        except FileExistsError:
            return
    os.unlink(aside)
