"""Completions wait in a journal, which is emptied only once they are in the tasks' files."""

from __future__ import annotations

from proofs.broken_boards.durable import JournaledLockAndScan


class Board(JournaledLockAndScan):
    """Its recovery can be begun again as often as it is cut off."""
