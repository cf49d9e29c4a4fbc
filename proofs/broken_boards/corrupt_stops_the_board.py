"""One file that cannot be read makes every look for work raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from proofs.broken_boards.base import CLAIM, SkipsDamage
from strategies.damage import Damage
from swarm.task import Task

INVARIANT: Final = "S12"
PREEMPTIONS: Final = 0
TASKS: Final = 2
PROGRAMS: Final = (CLAIM,)
DAMAGE: Final = (Damage("cut", "t1.json", number=20),)


class Board(SkipsDamage):
    """Reads all or nothing."""

    def tasks(self) -> Iterator[Task]:
        for name in self.names():
            task = self.read(name.removesuffix(".json"))
            if task is not None:
                yield task
