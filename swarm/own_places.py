"""The board's own directories and files: what else lies in their places is not followed.

Looked at right before they are used. Who can swap them in between is not kept out: see
docs/threat-model.md.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from swarm.errors import UnsafeStorageError

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


def kind_of(status: os.stat_result) -> str:
    """What it is, in words."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a device")


def check_directory(path: str | Path) -> bool:
    """Whether it is there. Raises ``UnsafeStorageError`` for anything but a directory itself."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeStorageError(Path(path), kind_of(status))
    return True


def is_own(status: os.stat_result) -> bool:
    """Whether it is a regular file that has no other name, by which others would be written to."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file of the board's own, made if need be; to be closed.

    What else bears the name loses it, and is neither changed nor followed. Raises OSError.
    """
    flags |= os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(2):
        try:
            descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        else:
            if _is_own_or_closed(descriptor):
                return descriptor
        os.unlink(path)
    raise UnsafeStorageError(path, "something that comes back when it is removed")


def _is_own_or_closed(descriptor: int) -> bool:
    """Whether it may be used; if not, or if that cannot be told, it is closed."""
    is_kept = False
    try:
        is_kept = is_own(os.fstat(descriptor))
    finally:
        if not is_kept:
            os.close(descriptor)
    return is_kept


def read_own(path: Path, bytes_max: int) -> bytes:
    """What a file of the board's own holds, up to ``bytes_max`` bytes.

    Follows no link and waits for no writer. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeStorageError(path, kind_of(status))
        return os.read(descriptor, bytes_max)
    finally:
        os.close(descriptor)
