"""What a write did not take is forgotten, and the file is put in place without it."""

from __future__ import annotations

import os
from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.faults import Fault
from swarm.task import Task

INVARIANT: Final = "S8"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)
FAULTS: Final = (Fault("a1", "middle", "write *", 1, "short write"),)


class Board(LockAndScan):
    """Writes through a descriptor, once."""

    def write(self, task: Task) -> None:
        temporary = self.temporary(task.task_id)
        with self.removed_on_error(temporary):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                os.write(descriptor, task.to_json_unchecked().encode())
            finally:
                os.close(descriptor)
            os.replace(temporary, self.file(task.task_id))
