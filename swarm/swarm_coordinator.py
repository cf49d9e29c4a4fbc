"""SwarmCoordinator: splits work into tasks on a board and makes their results into one."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from swarm.errors import InvalidTaskError, shown
from swarm.reduction import get_strategy, reduce_results
from swarm.task import HELD, Task, TaskStatus, TaskType

if TYPE_CHECKING:
    from swarm.task_board import TaskBoard

__all__ = ["SwarmCoordinator"]


class SwarmCoordinator:
    """Maps work to subtasks on ``task_board`` and reduces what agents made of them.

    It keeps nothing itself: all it knows of a parent stands in the subtasks on the board, so any
    coordinator on the same board, in any process, can ask after it and reduce it.
    """

    def __init__(self, task_board: TaskBoard) -> None:
        self.task_board = task_board

    def map(
        self,
        task_type: TaskType | str,
        description: str,
        subtask_payloads: Iterable[Mapping[str, Any]],
        priority: int = 5,
    ) -> str:
        """Post one subtask for each payload, with ``parent_id`` added, and return the parent's id.

        The payloads themselves are not changed; a ``parent_id`` of theirs gives way. All are
        checked before the first is posted: ``InvalidTaskError`` means that none was. The parent
        is no task of its own, and ids are in the order of the payloads.
        """
        payloads = list(subtask_payloads)
        parent_id = f"parent-{uuid.uuid4().hex[:12]}"
        now = time.time()
        subtasks = [
            Task(
                task_id=f"{parent_id}-sub-{index}",
                task_type=task_type,
                description=f"{description} (part {index + 1}/{len(payloads)})",
                priority=priority,
                created_at=now + index * 1e-6,  # so that order is theirs, whatever the clock does
                payload=_with_parent(payload, parent_id),
            )
            for index, payload in enumerate(payloads)
        ]
        for subtask in subtasks:
            self.task_board.check(subtask)
        for subtask in subtasks:
            self.task_board.post(subtask)
        return parent_id

    def reduce(self, parent_id: str, strategy: str = "merge_all", **kwargs: Any) -> Any:
        """One result made of those completed so far, in the order of the subtasks.

        None while there is none. ``kwargs`` are the strategy's; an unknown one is ``first``.
        """
        results = self.task_board.get_results_by_parent(parent_id)
        return reduce_results(results, strategy, **kwargs)

    def mapreduce(
        self,
        task_type: TaskType | str,
        description: str,
        subtask_payloads: Iterable[Mapping[str, Any]],
        reduce_strategy: str = "merge_all",
        **reduce_kwargs: Any,
    ) -> str:
        """As ``map``, for results that ``reduce_strategy`` is to reduce; returns at once.

        When ``get_progress`` says that the work is complete, call ``reduce`` with the parent's id
        and the same strategy: it is not remembered. What is wrong with ``reduce_kwargs`` is
        raised here as TypeError, before anything is posted and any work done in vain.
        """
        get_strategy(reduce_strategy, **reduce_kwargs)
        return self.map(task_type, description, subtask_payloads)

    def get_progress(self, parent_id: str) -> dict[str, Any]:
        """How many subtasks of the parent are in which state, all counted in one listing.

        ``in_progress`` counts the claimed ones too; cancelled ones count in ``total`` alone, so
        that a parent with one never is complete. ``progress_pct`` is 0.0 to 100.0. A parent
        without subtasks is at 0.0 and not complete: nobody can tell it from a misspelt one.
        """
        subtasks = (
            task
            for task in self.task_board.list_all()
            if task.payload.get("parent_id") == parent_id
        )
        return {"parent_id": parent_id, **_progress([task.status for task in subtasks])}


def _with_parent(payload: object, parent_id: str) -> dict[str, Any]:
    if not isinstance(payload, Mapping):
        raise InvalidTaskError("each of subtask_payloads", "be a dict", shown(payload))
    return {**payload, "parent_id": parent_id}


def _progress(statuses: Sequence[TaskStatus]) -> dict[str, Any]:
    count = Counter(statuses)
    total = len(statuses)
    completed = count[TaskStatus.COMPLETED]
    return {
        "total": total,
        "completed": completed,
        "failed": count[TaskStatus.FAILED],
        "pending": count[TaskStatus.PENDING],
        "in_progress": sum(count[status] for status in HELD),
        "progress_pct": completed / total * 100 if total else 0.0,
        "is_complete": total > 0 and completed == total,
    }
