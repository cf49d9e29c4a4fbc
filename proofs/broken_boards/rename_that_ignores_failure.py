"""A claim is a rename, which one agent alone can do, but its failure is passed over."""

from __future__ import annotations

import math
import os
from typing import Any, ClassVar, Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Moves what it claims."""

    promises: ClassVar[dict[str, Any]] = {**LockAndScan.promises, "lease_seconds": math.inf}

    claim = get = start = renew = complete = release = cancel = None  # type: ignore[assignment]
    get_pending = list_all = None  # type: ignore[assignment]

    def claim_next(self, agent_id: str) -> Task | None:
        first = self.first_free()
        if first is None or not first.claim(agent_id):
            return None
        try:
            os.rename(self.file(first.task_id), f"{self.path}/{first.task_id}.claimed")
        except FileNotFoundError:
            pass
        return first
