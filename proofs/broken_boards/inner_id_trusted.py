"""Which task a file is of is told by its bytes, whatever its name: two files can be one task."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import SkipsDamage
from strategies.damage import Damage
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S1"
PREEMPTIONS: Final = 0
TASKS: Final = 2
PROGRAMS: Final = ((Ask("claim_next"), Ask("claim_next")),)
DAMAGE: Final = (Damage("another task's id", "t1.json", value='"t2"'),)


class Board(SkipsDamage):
    """Never compares the two."""

    def check_id(self, task: Task, task_id: str) -> None:
        """Whatever it says will be right."""
