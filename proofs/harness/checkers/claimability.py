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
from proofs.harness.checkers.promises import Promises
from proofs.harness.checkers.task_model import TaskModel, state_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def no_false_empty(evidence: Evidence) -> Verdict:
    """S13: claim_next answers None only if at some moment of the call nothing was claimable.

    Only what the agent can handle counts, as far as it said what that is.
    """
    if "claim_next" in evidence.execution.lacking:
        return not_applicable("S13", "the board has no claim_next")
    for operation in evidence.operations:
        if operation.name != "claim_next" or operation.outcome != "refused":
            continue
        for task_id in () if evidence.may_have_missed(operation) else evidence.by_task:
            if _had_to_be_found(evidence, task_id, operation):
                words = f"{said(operation)}, and {task_id} was claimable during all of the call"
                return violated("S13", words, operation)
    return holds("S13")


def stale_comes_back(evidence: Evidence) -> Verdict:
    """L2: whoever looks for work once a claim has lapsed is granted the task, or finds another.

    And who claims it by its id, while nobody else is about.
    """
    judged = False
    for operation in evidence.operations:
        if operation.name not in GRANTS or operation.outcome == "unknown":
            continue
        for task_id in _that_may_be_granted(evidence, operation):
            others = _others(evidence, task_id, operation)
            if not others or not _is_stale(evidence, task_id, others, operation):
                continue
            judged = True
            if operation.outcome == "refused" and evidence.is_there_throughout(task_id, operation):
                words = f"{said(operation)}, and the claim of {said(others[-1])} had lapsed"
                return violated("L2", words, others[-1], operation)
    return holds("L2") if judged else not_applicable("L2", "nobody looked after a lapse")


def _that_may_be_granted(evidence: Evidence, operation: Operation) -> list[str]:
    """The tasks that an attempt to be granted one must have looked at, if they were free."""
    if evidence.may_have_missed(operation):
        return []
    if operation.name == "claim":
        is_alone = (operation.agent, operation.invoked_at) in evidence.alone
        return [str(task_of(operation))] if is_alone else []
    return [one for one in evidence.by_task if evidence.is_able(operation, one) is True]


def _had_to_be_found(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether this look for work was for such a task, and it was free during all of the call."""
    able = evidence.is_able(operation, task_id)
    return able is True and is_claimable_throughout(evidence, task_id, operation)


def is_claimable_throughout(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether the task was there and free during all of the call, in whatever order."""
    if not evidence.is_there_throughout(task_id, operation):
        return False
    others = _others(evidence, task_id, operation)
    if not others:
        return _was_claimable(evidence, task_id, operation)
    return _was_returned(others, operation) or _is_stale(evidence, task_id, others, operation)


def is_pending_throughout(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether the task was there and pending during all of the call, in whatever order."""
    others = _others(evidence, task_id, operation)
    if not evidence.is_there_throughout(task_id, operation):
        return False
    return _was_returned(others, operation) if others else _was_pending(evidence, task_id)


def in_order(evidence: Evidence) -> Verdict:
    """S17: what claim_next grants comes first among what was claimable during the whole call.

    Tasks whose place is not sure, as they may have been posted twice, are left out. So are looks
    for work that a fault struck: what could not be read must keep nobody from the rest.
    """
    if evidence.promises.order == "any" or "claim_next" in evidence.execution.lacking:
        return not_applicable("S17", "the board promises no order")
    places = places_of(evidence)
    for operation in evidence.operations:
        is_grant = operation.name == "claim_next" and operation.outcome == "ok"
        if not is_grant or evidence.was_struck(operation):
            continue
        granted = places.get(str(task_of(operation)))
        granted = None if evidence.was_kept_from_reading(operation) else granted
        for task_id, place in places.items():
            comes_first = granted is not None and place < granted
            if comes_first and _had_to_be_found(evidence, task_id, operation):
                words = f"{said(operation)}, though {task_id} came first during all of the call"
                return violated("S17", words, operation)
    return holds("S17")


def places_of(evidence: Evidence) -> dict[str, tuple[Any, ...]]:
    """Where each task stands in the promised order of grants, by id, as far as that is sure."""
    return {
        task_id: _place(evidence.promises, tasks[0])
        for task_id, tasks in evidence.described.items()
        if len(tasks) == 1 and "created_at" in tasks[0]
    }


def _place(promises: Promises, task: dict[str, Any]) -> tuple[Any, ...]:
    by_age = (float(task["created_at"]), str(task["task_id"]))
    return by_age if promises.order == "fifo" else (int(task["priority"]), *by_age)


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


def _was_pending(evidence: Evidence, task_id: str) -> bool:
    """Whether a task that nobody changed is pending; one posted meanwhile is."""
    return state_of(evidence.posted.get(task_id, {})).status == "PENDING"


def _was_claimable(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether a task that nobody changed had to be found, as it was before."""
    state = state_of(evidence.posted.get(task_id, {}))
    types, renewing = evidence.types_of(task_id), evidence.renewing
    model = TaskModel(promises=evidence.promises, types=types, renewing=renewing)
    return model.must_be_claimable(state, operation)


def _is_stale(
    evidence: Evidence, task_id: str, others: list[Operation], operation: Operation
) -> bool:
    """Whether the last claim of the run had lapsed before the call, with attempts left."""
    if any(other.name in ENDS or not is_over(other, operation) for other in others):
        return False
    if any(other.agent in evidence.renewing for other in others):
        return False
    grants = sum(other.name in GRANTS for other in others)
    if not grants:
        return False  # it goes by the lease of a claim from before: left to the search
    attempts = grants + state_of(evidence.posted.get(task_id)).attempts
    attempts_max = evidence.promises.attempts_max
    if attempts_max is not None and attempts >= attempts_max:
        return False
    lease_seconds = evidence.promises.lease_seconds
    if operation.started - max(other.ended for other in others) >= lease_seconds:
        return True
    ahead = min(other.started for other in others) - operation.ended
    return evidence.promises.stale_ahead and ahead > lease_seconds
