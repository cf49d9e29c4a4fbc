"""What cannot be read is taken for a task that nobody has begun."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, SkipsDamage
from strategies.damage import Damage
from swarm.errors import CorruptTaskError
from swarm.task import Task

INVARIANT: Final = "S12"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (CLAIM,)
DAMAGE: Final = (Damage("cut", "t1.json", number=20),)


class Board(SkipsDamage):
    """Makes up what it cannot read."""

    def read(self, task_id: str) -> Task | None:
        try:
            return super().read(task_id)
        except CorruptTaskError:
            return Task(task_id, "CODE_ANALYSIS", "")
