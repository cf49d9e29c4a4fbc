"""Who was granted a task, and whether it was free then: S0, S18, and by pairs S1, S3, S4.

The last three look at neighbours in the order of invocation only; what takes three grants to see is
left to ``orders``.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import pairwise

from proofs.harness.checkers.evidence import (
    ENDS,
    GRANTS,
    RETURNS,
    Evidence,
    may_be_between,
    said,
    task_of,
)
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def claimed_once(evidence: Evidence) -> Verdict:
    """S1: between two returns of a task to the pool (release, retry, lapse) at most one grant."""
    for task_id, first, second in _pairs(evidence):
        if not _was_free(evidence, task_id, first, second, RETURNS):
            words = f"{task_id} was granted twice and not returned: {said(first)}; {said(second)}"
            return violated("S1", words, first, second)
    return holds("S1")


def one_live_owner(evidence: Evidence) -> Verdict:
    """S3: at no moment do two agents hold claims on one task that have not lapsed."""
    for task_id, first, second in _pairs(evidence):
        if first.agent == second.agent:
            continue
        if not _was_free(evidence, task_id, first, second, RETURNS | set(ENDS)):
            words = f"{task_id} is held by both {said(first)} and {said(second)}"
            return violated("S3", words, first, second)
    return holds("S3")


def no_early_steal(evidence: Evidence) -> Verdict:
    """S4: a claimed task is granted again only when stale, released or failed for retry."""
    for task_id, first, second in _pairs(evidence):
        for start in (first, *_renewals(evidence, task_id, first, second)):
            if not _was_free(evidence, task_id, start, second, RETURNS):
                words = f"{task_id} was taken over too early: {said(start)}; then {said(second)}"
                return violated("S4", words, first, start, second)
    return holds("S4")


def _pairs(evidence: Evidence) -> Iterator[tuple[str, Operation, Operation]]:
    for task_id in evidence.lasting:
        for first, second in pairwise(evidence.grants(task_id)):
            yield task_id, first, second


def _was_free(
    evidence: Evidence, task_id: str, first: Operation, second: Operation, names: Set[str]
) -> bool:
    """Whether one of these may have freed the task between the two, or a lapse.

    What set the lease anew in between may be dated so that it had lapsed for one of them, where
    clocks differ.
    """
    between = [o for o in evidence.changes(task_id) if may_be_between(o, first, second)]
    leases = (first, *(o for o in between if o.name in GRANTS or o.name == "renew"))
    lease_seconds = evidence.promises.lease_seconds
    return any(operation.name in names for operation in between) or any(
        apart(start, end) >= lease_seconds for start in leases for end in (first, second)
    )


def apart(one: Operation, other: Operation) -> float:
    """How many seconds may have passed, at most, from the one to the other."""
    return max(other.done_by - one.started, one.done_by - other.started)


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


def able_only(evidence: Evidence) -> Verdict:
    """S18: no agent is granted a task that it did not say it can handle."""
    told = [o for o in evidence.operations if o.arguments.get("capabilities") is not None]
    if not told:
        return not_applicable("S18", "no agent said what it can handle")
    for operation in told:
        task_id = task_of(operation)
        if task_id is not None and evidence.is_able(operation, task_id) is False:
            words = f"{said(operation)}, and {task_id} is {', '.join(evidence.types_of(task_id))}"
            return violated("S18", words, operation)
    return holds("S18")


def exactly_once(evidence: Evidence) -> Verdict:
    """S0: once all agents have polled until None, every task was granted exactly once.

    Those that no agent can handle, as it said when it polled last, at most once. Judged where all
    tasks had just been posted, nothing was posted, given back or ended without a claim meanwhile,
    nothing went wrong or raised, and no lease can have lapsed.
    """
    polls = _last_polls(evidence)
    why_not = _not_polled_out(evidence, polls)
    if why_not:
        return not_applicable("S0", why_not)
    for task_id in evidence.posted:
        grants = evidence.grants(task_id)
        is_due = any(evidence.is_able(poll, task_id) for poll in polls)
        if len(grants) > 1 or (is_due and not grants):
            told = f"{len(grants)} times: {'; '.join(map(said, grants))}"
            never = f"to nobody, and all agents looked until there was none: {said(polls[-1])}"
            words = f"{task_id} was granted {told if grants else never}"
            return violated("S0", words, *(grants or polls))
    return holds("S0")


def _was_granted(evidence: Evidence, end: Operation) -> bool:
    return bool(evidence.grants(str(task_of(end))))


def _last_polls(evidence: Evidence) -> list[Operation]:
    """The last attempt of each agent to be granted something."""
    last = {o.agent: o for o in evidence.operations if o.name in GRANTS}
    return list(last.values())


def _not_polled_out(evidence: Evidence, polls: list[Operation]) -> str:
    """Why the question does not arise, if it does not."""
    operations = evidence.operations
    if any(step.is_struck for step in evidence.execution.trace):
        return "a fault struck an agent"
    agents = {operation.agent for operation in operations}
    if not polls or {poll.agent for poll in polls} != agents:
        return "not every agent has polled until None"
    if any(poll.name != "claim_next" or poll.outcome != "refused" for poll in polls):
        return "not every agent has polled until None"
    if any("status" in task for task in evidence.posted.values()):
        return "not every task had just been posted"
    if any(operation.outcome == "unknown" for operation in operations):
        return "a call raised"
    if any(o.name in RETURNS | {"cancel", "post"} and o.outcome == "ok" for o in operations):
        return "tasks were posted, given back or cancelled meanwhile"
    if any(
        o.name in ENDS and o.outcome == "ok" and not _was_granted(evidence, o) for o in operations
    ):
        return "a task was ended that nobody had been granted"
    seconds = max(o.ended for o in operations) - min(o.started for o in operations)
    return "leases may have lapsed" if seconds >= evidence.promises.lease_seconds else ""
