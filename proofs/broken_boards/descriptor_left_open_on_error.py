"""A read that fails leaves its descriptor open; after some thousand of them none is left."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "R1"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM,)
FAULTS: Final = (Fault("a1", "before", "read *", 1, "EIO"),)


class Board(LockAndScan):
    """Reads through a descriptor."""

    def read(self, task_id: str) -> Task | None:
        try:
            descriptor = os.open(self.file(task_id), os.O_RDONLY)
        except FileNotFoundError:
            return None
        data = os.read(descriptor, 1 << 20)
        os.close(descriptor)
        return Task.from_json(data)
