"""Tokens come from a file that counts them, which is read before the lock is taken.

Two grants can so be given the same token.
"""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S2"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("claim_next"), Ask("release")))


class Board(LockAndScan):
    """Counts first, locks then."""

    def claim_next(self, agent_id: str) -> Task | None:
        count = self.count()
        with self.held():
            first = self.first_free()
            if first is None:
                return None
            first.claim(agent_id, token=count + 1, lease_seconds=self.lease_seconds)
            with open(f"{self.path}/.count", "w", encoding="utf-8") as file:
                file.write(str(count + 1))
            self.write(first)
            return first

    def count(self) -> int:
        """The last token that was granted."""
        try:
            with open(f"{self.path}/.count", encoding="utf-8") as file:
                return int(file.read() or 0)
        except FileNotFoundError:
            return 0
