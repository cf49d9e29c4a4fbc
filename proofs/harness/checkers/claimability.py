"""What was surely free while somebody looked for work: S13."""

from __future__ import annotations

from proofs.harness.checkers.evidence import ENDS, GRANTS, RETURNS, Evidence, said
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
    others = [
        other
        for other in evidence.changes(task_id)
        if other is not operation and not operation.precedes(other)
    ]
    posts = [other for other in others if other.name == "post"]
    others = [other for other in others if other.name != "post"]
    if any(post.outcome != "ok" for post in posts):
        return False
    if task_id not in evidence.posted and not any(post.precedes(operation) for post in posts):
        return False
    return not others or _was_returned(others, operation) or _is_stale(evidence, others, operation)


def _was_returned(others: list[Operation], operation: Operation) -> bool:
    """Whether a return to the pool came after all else and before the call."""
    return any(
        back.name in RETURNS
        and back.outcome == "ok"
        and back.precedes(operation)
        and all(other is back or other.precedes(back) for other in others)
        for back in others
    )


def _is_stale(evidence: Evidence, others: list[Operation], operation: Operation) -> bool:
    """Whether the last claim had lapsed before the call, with attempts left."""
    if any(other.name in ENDS or not other.precedes(operation) for other in others):
        return False
    attempts = sum(other.name in GRANTS for other in others)
    attempts_max = evidence.promises.attempts_max
    latest = max(other.ended for other in others)
    return operation.started - latest >= evidence.promises.lease_seconds and (
        attempts_max is None or attempts < attempts_max
    )
