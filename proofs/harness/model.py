"""The board as its promises state it, in memory, one operation at a time.

It imports nothing of any board, so that the judge has never met the accused: states are words,
tasks are records, and the rules are said here once more, from the promises and not from the code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

HELD: Final = ("CLAIMED", "IN_PROGRESS")
FINAL: Final = ("COMPLETED", "FAILED", "CANCELLED")
_LEASE_SECONDS_ABSENT: Final = 3600


@dataclass(slots=True)
class ModelTask:
    """What the promises know of one task."""

    task_type: str
    priority: int
    created_at: float
    payload: dict[str, Any] = field(default_factory=dict)
    status: str = "PENDING"
    claimed_by: str | None = None
    claimed_at: float | None = None
    lease_seconds: float | None = None
    token: int = 0
    attempts: int = 0
    result: Any = None

    @staticmethod
    def of(fields: Mapping[str, Any]) -> ModelTask:
        """What a file in our format says of it; what is absent is as the promises have it."""
        return ModelTask(**{n: fields[n] for n in ModelTask.__slots__ if n in fields})

    def is_stale(self, now: float) -> bool:
        """The lease it was granted with has run out, or it was claimed over a lease ahead."""
        if self.status not in HELD or self.claimed_at is None:
            return False
        lease = _LEASE_SECONDS_ABSENT if self.lease_seconds is None else self.lease_seconds
        return now - self.claimed_at >= lease or self.claimed_at - now > lease

    def is_claimable(self, now: float) -> bool:
        """A grant may take it."""
        return self.status == "PENDING" or self.is_stale(now)


@dataclass(slots=True)
class BoardModel:
    """All tasks of a board, and the largest token that each id was ever granted."""

    tasks: dict[str, ModelTask] = field(default_factory=dict)
    largest_tokens: dict[str, int] = field(default_factory=dict)

    def claimable(
        self, now: float, capabilities: Collection[str] | None = None
    ) -> Iterator[tuple[str, ModelTask]]:
        """What a grant may take, of these types, in the order in which it must be granted."""
        able = (
            (task_id, task)
            for task_id, task in self.tasks.items()
            if task.is_claimable(now) and (capabilities is None or task.task_type in capabilities)
        )
        return iter(sorted(able, key=_order))

    def is_used_up(self, task_id: str, now: float, attempts_max: int | None) -> bool:
        """Instead of a grant, this task fails for good."""
        task = self.tasks[task_id]
        return attempts_max is not None and task.is_stale(now) and task.attempts >= attempts_max

    def grant(
        self, task_id: str, agent_id: str, now: float, lease_seconds: float, token: int
    ) -> None:
        """The board says that it granted this token. Fails where it must not have."""
        task = self.tasks[task_id]
        assert task.is_claimable(now), f"S4: {task_id} was granted while it was {task} at {now}"
        largest = self.largest_tokens.get(task_id, 0)
        assert token > largest, f"S2: {task_id} was granted token {token} after {largest}"
        self.largest_tokens[task_id] = token
        task.status, task.claimed_by, task.claimed_at = "CLAIMED", agent_id, now
        task.lease_seconds, task.token = lease_seconds, token
        task.attempts += 1

    def use_up(self, task_id: str) -> None:
        """The housekeeping of a stale claim without attempts left; it says why in its own words."""
        task = self.tasks[task_id]
        task.status, task.result = "FAILED", None

    def change(
        self, operation: str, task_id: str, token: int | None, now: float, value: Any = None
    ) -> bool:
        """Do an operation of a holder or a person; whether it was allowed."""
        task = self.tasks.get(task_id)
        if task is None or (token is not None and token != task.token):
            return False
        if task.status not in _ALLOWED[operation]:
            return False
        if operation == "renew":
            task.claimed_at = now
        else:
            task.status = _LEADS_TO[operation]
        if operation in ("complete", "fail", "retry"):
            task.result = value
        if operation in ("retry", "release", "requeue"):
            task.claimed_by = task.claimed_at = None
        if operation == "requeue":
            task.result, task.attempts = None, 0
        return True


_ALLOWED: Final = {
    "start": ("CLAIMED",),
    "renew": HELD,
    "complete": HELD,
    "fail": HELD,
    "retry": HELD,
    "release": HELD,
    "cancel": (*HELD, "PENDING"),
    "requeue": ("FAILED", "CANCELLED"),
}
_LEADS_TO: Final = {
    "start": "IN_PROGRESS",
    "complete": "COMPLETED",
    "fail": "FAILED",
    "retry": "PENDING",
    "release": "PENDING",
    "cancel": "CANCELLED",
    "requeue": "PENDING",
}


def _order(item: tuple[str, ModelTask]) -> tuple[int, float, str]:
    task_id, task = item
    return (task.priority, task.created_at, task_id)
