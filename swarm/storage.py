"""The directory a board lies in: making it, what it can hold, and the names in it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from swarm.errors import NetworkFileSystemWarning, StorageMissingError
from swarm.mount import network_kind
from swarm.task_file import SUFFIX, sync_directory


def make_directory(path: Path, *, synced: bool) -> None:
    """Make the directory with its parents, and see that their names are on the disk."""
    missing = []
    directory = path.absolute()
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    path.mkdir(parents=True, exist_ok=True)
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
    """The ids that files in the storage directory are named by, in no order."""
    try:
        names = os.listdir(storage)
    except FileNotFoundError:
        raise StorageMissingError(storage) from None
    return [n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX) and not n.startswith(".")]
