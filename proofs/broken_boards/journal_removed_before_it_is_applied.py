"""Whoever opens the board takes completions out of the journal, then writes them to the files.

Killed in between, the recovery has lost what was completed.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM_AND_COMPLETE
from proofs.broken_boards.durable import JournaledLockAndScan

INVARIANT: Final = "S15"
PROOF: Final = "crashes"
MODEL: Final = "K"
TASKS: Final = 1
PROGRAMS: Final = (CLAIM_AND_COMPLETE,)


class Board(JournaledLockAndScan):
    """Its recovery cannot be begun twice."""

    def apply(self, task_id: str) -> None:
        task = self.journaled(task_id)
        self.remove_from_journal(task_id)
        if task is not None:
            self.write(task)
