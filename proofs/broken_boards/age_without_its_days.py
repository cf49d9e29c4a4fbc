"""The age of a claim is taken without its days: one made a moment later is a day old, not younger.

``timedelta.seconds`` is never negative; ``total_seconds()`` was meant. The clock is read as a call
begins, and the claim that is looked at may be of somebody who had the lock first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from proofs.broken_boards.base import CLAIM, LEASE_SECONDS, LockAndScan
from swarm.task import HELD, Task

INVARIANT: Final = "S3"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, CLAIM)


class Board(LockAndScan):
    """Reads the clock once a call, before it waits for the lock."""

    began = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        self.began = self.now()
        with super().held():
            yield

    def has_lapsed(self, task: Task) -> bool:
        age = timedelta(seconds=self.began - (task.claimed_at or 0.0))
        return task.status in HELD and age.seconds >= LEASE_SECONDS
