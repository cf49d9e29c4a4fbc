"""Directories that a night needs for as long as it runs; what a killed one left is taken away."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from proofs.night.database import is_folder
from proofs.power_loss import fast_directory

PREFIX: Final = "swarm-night-"
_ALIVE: Final = "alive"
_UNMARKED_SECONDS_MAX: Final = 3600.0
_ATTEMPTS: Final = 5


@contextmanager
def scratch(database: str) -> Iterator[tuple[Path, Path]]:
    """One for boards, in memory where there is such a place, and one for temporary files.

    The second is on the file system of the database, if that is a folder: what is moved from one
    place to another of one file system is never seen half done. Both are gone afterwards.
    """
    boards = fast_directory(Path(tempfile.gettempdir()))
    with ExitStack() as stack:
        first = stack.enter_context(_made(boards))
        if is_folder(database):
            beside = Path(database).absolute()
            beside.parent.mkdir(parents=True, exist_ok=True)
            yield first, stack.enter_context(_made(beside.parent))
        else:
            yield first, first


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    _sweep(folder)
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=folder))
    with open(made / _ALIVE, "w", encoding="utf-8") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)  # the system lets go of it, however this process ends
        try:
            yield made
        finally:
            remove(made)


def _sweep(folder: Path) -> None:
    """Take away what is nobody's any more."""
    for left in folder.glob(f"{PREFIX}*"):
        try:
            with open(left / _ALIVE, encoding="utf-8") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(left)
        except FileNotFoundError:
            if time.time() - os.stat(left).st_mtime > _UNMARKED_SECONDS_MAX:
                remove(left)
        except OSError:
            continue  # it is another night's that is under way, or another user's


def remove(directory: Path) -> None:
    """Whatever is in it; who is being killed may write there for a moment yet."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.1)
