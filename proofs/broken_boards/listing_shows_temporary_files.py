"""Files are written under names that end as those of tasks do, and a listing goes by the names."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import CLAIM, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S11"
PREEMPTIONS: Final = 1
TASKS: Final = 1
PROGRAMS: Final = (CLAIM, (Ask("list_all"),))


class Board(LockAndScan):
    """Writes ``t1.new.json`` before ``t1.json``."""

    def temporary(self, task_id: str) -> str:
        return f"{self.path}/{task_id}.new.json"

    def list_all(self) -> list[Task]:
        """The names, which need no reading."""
        return [Task(name.removesuffix(".json"), "CODE_ANALYSIS", "") for name in self.names()]
