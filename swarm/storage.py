"""The directory a board lies in: making it, what it can hold, and the names in it."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

from swarm.errors import (
    InvalidTaskError,
    NetworkFileSystemWarning,
    StorageMissingError,
    UnsafeStorageError,
)
from swarm.file_times import stamp_of
from swarm.mount import network_kind
from swarm.own_places import kind_of
from swarm.task_file import SUFFIX, sync_directory

_LISTINGS_MAX = 8
_NAMES_AT_ONCE = 100  # of the longest names, that many fit into the 32 KiB that one call fills


def make_directory(path: Path, *, synced: bool) -> None:
    """Make the directory with its parents, and see that their names are on the disk."""
    missing = []
    directory = path.absolute()
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        rule = "be a directory, or a path where one can be made"
        raise InvalidTaskError("storage_path", rule, repr(str(path))) from None
    if synced:
        for made in missing:
            sync_directory(made.parent)


def name_bytes_max(directory: Path) -> int:
    """How long a file's name may be there."""
    try:
        return os.pathconf(directory, "PC_NAME_MAX")
    except (OSError, ValueError):
        return 255


def warn_of_network(directory: Path) -> None:
    """Warn where other machines may reach the directory too."""
    kind = network_kind(directory)
    if kind is not None:
        text = (
            f"the board {directory} lies on a network file system ({kind}): claims are exclusive "
            "only if it keeps flock between its clients; see docs/board.md"
        )
        warnings.warn(text, NetworkFileSystemWarning, stacklevel=3)


def task_names(storage: Path) -> list[str]:
    """The ids that files in the storage directory are named by, each once, in no order.

    A directory too large for one call of the system is listed in parts. Between two parts a file
    that is replaced may move to where the listing has been, or will not go: on tmpfs since Linux
    6.6 it does, and is missed or comes twice. So all that several listings show is taken, until
    one of them shows nothing new and the directory did not change meanwhile.
    """
    names: dict[str, None] = {}
    for _ in range(_LISTINGS_MAX):
        before, known = _stamp(storage), len(names)
        names.update(dict.fromkeys(_listdir(storage)))
        if len(names) <= _NAMES_AT_ONCE or (known == len(names) and before == _stamp(storage)):
            break
    return [n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX) and not n.startswith(".")]


def _listdir(storage: Path) -> list[str]:
    try:
        return os.listdir(storage)
    except FileNotFoundError:
        raise StorageMissingError(storage) from None


def _stamp(storage: Path) -> str:
    try:
        status = os.lstat(storage)
    except FileNotFoundError:
        raise StorageMissingError(storage) from None
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeStorageError(storage, kind_of(status))
    return stamp_of(status)
