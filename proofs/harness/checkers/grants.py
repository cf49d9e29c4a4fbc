"""Who was granted a task, and whether it was free then: S0, and by pairs of grants S1, S3, S4.

The last three look at neighbours in the order of invocation only, and so in linear time; what takes
three operations to see is left to ``orders``.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import pairwise

from proofs.harness.checkers.evidence import ENDS, GRANTS, RETURNS, Evidence, is_over, said
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def claimed_once(evidence: Evidence) -> Verdict:
    """S1: between two returns of a task to the pool (release, retry, lapse) at most one grant."""
    lease = evidence.promises.lease_seconds
    for task_id, first, second in _pairs(evidence):
        if apart(first, second) < lease and not _between(evidence, task_id, first, second, RETURNS):
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


def _between(
    evidence: Evidence, task_id: str, first: Operation, second: Operation, names: Set[str]
) -> list[Operation]:
    """The operations of these names that may have happened between the two, in either order."""
    return [
        operation
        for operation in evidence.changes(task_id)
        if operation.name in names
        and not (is_over(operation, first) and is_over(operation, second))
        and not (first.precedes(operation) and second.precedes(operation))
    ]


def one_live_owner(evidence: Evidence) -> Verdict:
    """S3: at no moment do two agents hold claims on one task that have not lapsed."""
    lease = evidence.promises.lease_seconds
    for task_id, first, second in _pairs(evidence):
        if first.agent == second.agent or apart(first, second) >= lease:
            continue
        if not _between(evidence, task_id, first, second, RETURNS | set(ENDS)):
            words = f"{task_id} is held by both {said(first)} and {said(second)}"
            return violated("S3", words, first, second)
    return holds("S3")


def no_early_steal(evidence: Evidence) -> Verdict:
    """S4: a claimed task is granted again only when stale, released or failed for retry."""
    lease = evidence.promises.lease_seconds
    for task_id, first, second in _pairs(evidence):
        for start in (first, *_renewals(evidence, task_id, first, second)):
            if apart(start, second) >= lease:
                continue
            if not _between(evidence, task_id, start, second, RETURNS):
                words = f"{task_id} was taken over too early: {said(start)}; then {said(second)}"
                return violated("S4", words, first, start, second)
    return holds("S4")


def _renewals(
    evidence: Evidence, task_id: str, first: Operation, second: Operation
) -> list[Operation]:
    return [
        operation
        for operation in evidence.changes(task_id)
        if operation.name == "renew"
        and operation.outcome == "ok"
        and first.precedes(operation)
        and operation.precedes(second)
    ]


def exactly_once(evidence: Evidence) -> Verdict:
    """S0: once all agents have polled until None, every task was granted exactly once.

    Judged where nothing was posted, given back or ended without a claim meanwhile, nothing
    raised, and no lease can have lapsed.
    """
    why_not = _not_polled_out(evidence)
    if why_not:
        return not_applicable("S0", why_not)
    for task_id in evidence.posted:
        grants = evidence.grants(task_id)
        if len(grants) != 1:
            words = f"{task_id} was granted {len(grants)} times: {'; '.join(map(said, grants))}"
            return violated("S0", words, *grants)
    return holds("S0")


def _not_polled_out(evidence: Evidence) -> str:
    """Why the question does not arise, if it does not."""
    operations = evidence.operations
    last = {operation.agent: operation for operation in operations if operation.name in GRANTS}
    if not last or any(o.name != "claim_next" or o.outcome != "refused" for o in last.values()):
        return "not every agent has polled until None"
    if set(last) != {operation.agent for operation in operations}:
        return "not every agent has polled until None"
    if any(operation.outcome == "unknown" for operation in operations):
        return "a call raised"
    if any(o.name in RETURNS | {"cancel", "post"} and o.outcome == "ok" for o in operations):
        return "tasks were posted, given back or cancelled meanwhile"
    seconds = max(o.ended for o in operations) - min(o.started for o in operations)
    return "leases may have lapsed" if seconds >= evidence.promises.lease_seconds else ""
