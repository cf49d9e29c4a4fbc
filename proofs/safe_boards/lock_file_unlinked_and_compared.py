"""The lock file is removed when let go; who gets a lock looks whether the file is still the one."""

from __future__ import annotations

import os

from proofs.broken_boards.base import LockAndScan


class Board(LockAndScan):
    """Leaves no lock file behind."""

    def lock(self) -> int:
        while True:
            descriptor = super().lock()
            try:
                if self.is_the_file(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def is_the_file(self, descriptor: int) -> bool:
        """Whether the name still leads to what was locked."""
        try:
            named = os.stat(f"{self.path}/{self.lock_name}")
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))

    def unlock(self, lock: int) -> None:
        try:
            os.unlink(f"{self.path}/{self.lock_name}")
        finally:
            super().unlock(lock)
