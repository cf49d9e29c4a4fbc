"""The lock of the filelock package, which never falls back to a soft one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from proofs.broken_boards.base import LockAndScan


class Board(LockAndScan):
    """Locks with filelock."""

    @contextmanager
    def held(self) -> Iterator[None]:
        with filelock.FileLock(f"{self.path}/{self.lock_name}", fallback_to_soft=False):
            yield
