"""What an agent can handle is asked of tasks that wait, and not of those whose claim has lapsed.

No interleaving is needed to see it, but a lapse.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from proofs.broken_boards.base import CLAIM, LEASE_SECONDS, LockAndScan
from strategies.programs import Ask
from swarm.task import Task

INVARIANT: Final = "S18"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = (
    CLAIM,
    (
        Ask("advance", seconds=LEASE_SECONDS),
        Ask("claim_next", types=("PARALLEL_SEARCH",)),
    ),
)


class Board(LockAndScan):
    """Looks for work in two places, and was told of types in one of them."""

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        with self.held():
            waiting = (
                task
                for task in self.get_pending()
                if capabilities is None or task.task_type in capabilities
            )
            lapsed = filter(self.has_lapsed, self.list_all())
            first = min((*waiting, *lapsed), key=Task.order_key, default=None)
            return self.grant(first, agent_id) if first else None
