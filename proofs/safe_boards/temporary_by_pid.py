"""Temporary files are named after the process: under the lock that is enough for threads too."""

from __future__ import annotations

import os

from proofs.broken_boards.base import LockAndScan


class Board(LockAndScan):
    """Takes the id of the process for a name that no other process has."""

    def temporary(self, task_id: str) -> str:
        return f"{self.path}/.{task_id}.{os.getpid()}.tmp"
