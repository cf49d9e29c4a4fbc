"""A claim is written if the file's time is still what it was before the file was read.

Between that look and the write another can write too.
"""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Compares, then swaps; not at once."""

    def claim_next(self, agent_id: str) -> Task | None:
        while True:
            before = {name: self.changed_at(name) for name in self.names()}
            first = self.first_free()
            if first is None:
                return None
            name = f"{first.task_id}.json"
            if self.changed_at(name) == before.get(name):
                return self.grant(first, agent_id)

    def changed_at(self, name: str) -> int:
        """When the file was changed, in nanoseconds."""
        return os.stat(f"{self.path}/{name}").st_mtime_ns
