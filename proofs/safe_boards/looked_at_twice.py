"""The scan takes no lock, but is looked at again under it, and repeated if it has changed."""

from __future__ import annotations

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Answers None only after a scan under the lock."""

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        with self.held():
            if first != self.first_free():
                first = self.first_free()
            return self.grant(first, agent_id) if first else None
