"""Who was granted a task, and whether it was free then: S1, S3 and S4 by pairs of grants.

All of them look at neighbours in the order of invocation only, and so in linear time; what takes
three operations to see is left to ``orders``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from proofs.harness.checkers.evidence import RETURNS, Evidence, said
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, violated


def claimed_once(evidence: Evidence) -> Verdict:
    """S1: between two returns of a task to the pool (release, retry, lapse) at most one grant."""
    lease = evidence.promises.lease_seconds
    for task_id, first, second in _pairs(evidence):
        if apart(first, second) < lease and not _returns_between(evidence, task_id, first, second):
            words = f"{task_id} was granted twice and not returned: {said(first)}; {said(second)}"
            return violated("S1", words, first, second)
    return holds("S1")


def apart(one: Operation, other: Operation) -> float:
    """How many seconds may have passed, at most, from the one to the other."""
    return max(other.ended - one.started, one.ended - other.started)


def _pairs(evidence: Evidence) -> Iterator[tuple[str, Operation, Operation]]:
    for task_id in evidence.by_task:
        for first, second in pairwise(evidence.grants(task_id)):
            yield task_id, first, second


def _returns_between(
    evidence: Evidence, task_id: str, first: Operation, second: Operation
) -> list[Operation]:
    """The returns to the pool that may have happened between the two, in either order of them."""
    return [
        operation
        for operation in evidence.changes(task_id)
        if operation.name in RETURNS
        and not (operation.precedes(first) and operation.precedes(second))
        and not (first.precedes(operation) and second.precedes(operation))
    ]
