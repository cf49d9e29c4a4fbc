"""Which tasks a listing shows, and in which order; what reads them is the board's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarm.task import FINAL, Task, TaskStatus


def by_age(tasks: Iterable[Task]) -> list[Task]:
    """The oldest first, then by id."""
    return sorted(tasks, key=lambda task: (float(task.created_at), task.task_id))


def pending(tasks: Iterable[Task]) -> list[Task]:
    """The pending ones, in the order in which they are granted."""
    return sorted((task for task in tasks if task.status is TaskStatus.PENDING), key=Task.order_key)


def claimable(tasks: Iterable[Task], oldest: float) -> list[Task]:
    """The pending ones and claims from before that moment, in the order of grants."""
    found = (
        task
        for task in tasks
        if task.status is TaskStatus.PENDING
        or (task.status not in FINAL and (task.claimed_at or 0) <= oldest)
    )
    return sorted(found, key=Task.order_key)


def results_by_parent(tasks: Iterable[Task], parent_id: str) -> list[Any]:
    """The results of the completed ones whose payload names this parent, the oldest first."""
    return [
        task.result
        for task in by_age(tasks)
        if task.payload.get("parent_id") == parent_id
        and task.status is TaskStatus.COMPLETED
        and task.result is not None
    ]
