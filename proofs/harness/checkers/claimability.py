"""What was surely free while somebody looked for work: S13 and S17."""

from __future__ import annotations

from typing import Any

from proofs.harness.checkers.evidence import (
    ENDS,
    GRANTS,
    RETURNS,
    Evidence,
    is_over,
    said,
    task_of,
)
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def no_false_empty(evidence: Evidence) -> Verdict:
    """S13: claim_next answers None only if at some moment of the call nothing was claimable."""
    if "claim_next" in evidence.execution.lacking:
        return not_applicable("S13", "the board has no claim_next")
    for operation in evidence.operations:
        if operation.name != "claim_next" or operation.outcome != "refused":
            continue
        for task_id in evidence.by_task:
            if is_claimable_throughout(evidence, task_id, operation):
                words = f"{said(operation)}, and {task_id} was claimable during all of the call"
                return violated("S13", words, operation)
    return holds("S13")


def is_claimable_throughout(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether the task was there and free during all of the call, in whatever order."""
    if not is_present_throughout(evidence, task_id, operation):
        return False
    others = _others(evidence, task_id, operation)
    return not others or _was_returned(others, operation) or _is_stale(evidence, others, operation)


def is_pending_throughout(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether the task was there and pending during all of the call, in whatever order."""
    others = _others(evidence, task_id, operation)
    return is_present_throughout(evidence, task_id, operation) and (
        not others or _was_returned(others, operation)
    )


def is_present_throughout(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether the task had been posted before the call; nothing takes one away."""
    return task_id in evidence.posted or any(
        post.name == "post" and post.outcome == "ok" and post.precedes(operation)
        for post in evidence.by_task[task_id]
    )


def in_order(evidence: Evidence) -> Verdict:
    """S17: what claim_next grants comes first among what was claimable during the whole call.

    Between tasks that were there before; those posted meanwhile are left out.
    """
    if evidence.promises.order == "any" or "claim_next" in evidence.execution.lacking:
        return not_applicable("S17", "the board promises no order")
    for operation in evidence.operations:
        granted = evidence.posted.get(task_of(operation) or "")
        if operation.name != "claim_next" or operation.outcome != "ok" or granted is None:
            continue
        for task_id, task in evidence.posted.items():
            comes_first = _place(evidence, task) < _place(evidence, granted)
            if comes_first and is_claimable_throughout(evidence, task_id, operation):
                words = f"{said(operation)}, though {task_id} came first during all of the call"
                return violated("S17", words, operation)
    return holds("S17")


def _place(evidence: Evidence, task: dict[str, Any]) -> tuple[Any, ...]:
    by_age = (task["created_at"], task["task_id"])
    return by_age if evidence.promises.order == "fifo" else (task["priority"], *by_age)


def _others(evidence: Evidence, task_id: str, operation: Operation) -> list[Operation]:
    """What may have changed the task, beside its post, before or during the call.

    A post that raised counts: nobody knows when it may overwrite the task.
    """
    return [
        other
        for other in evidence.changes(task_id)
        if other is not operation
        and not operation.precedes(other)
        and (other.name != "post" or other.outcome != "ok")
    ]


def _was_returned(others: list[Operation], operation: Operation) -> bool:
    """Whether a return to the pool came after all else and before the call."""
    return any(
        back.name in RETURNS
        and back.outcome == "ok"
        and back.precedes(operation)
        and all(other is back or is_over(other, back) for other in others)
        for back in others
    )


def _is_stale(evidence: Evidence, others: list[Operation], operation: Operation) -> bool:
    """Whether the last claim had lapsed before the call, with attempts left."""
    if any(other.name in ENDS or not is_over(other, operation) for other in others):
        return False
    attempts = sum(other.name in GRANTS for other in others)
    attempts_max = evidence.promises.attempts_max
    latest = max(other.ended for other in others)
    return operation.started - latest >= evidence.promises.lease_seconds and (
        attempts_max is None or attempts < attempts_max
    )
