"""What listings show: S11 and S16."""

from __future__ import annotations

from collections import Counter
from typing import Any

from proofs.harness.checkers.claimability import is_pending_throughout
from proofs.harness.checkers.evidence import (
    GRANTS,
    LISTINGS,
    Evidence,
    is_among,
    is_over,
    said,
    task_of,
)
from proofs.harness.checkers.files import is_failure_of_a_reader
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def nothing_invented(evidence: Evidence) -> Verdict:
    """S11: listings show what was posted, each once; nothing else is granted, read or pruned.

    And nothing beside the board's directory is made, changed or removed.
    """
    if evidence.execution.outside:
        words = f"{', '.join(evidence.execution.outside)} was touched, outside of the board"
        return violated("S11", words)
    known = set(evidence.posted)
    known |= {str(task_of(o)) for o in evidence.operations if o.name == "post"}
    for operation in evidence.operations:
        for task_id, times in _ids(operation).items():
            if task_id not in known:
                words = f"{operation.agent} {operation.name} told of {task_id}, which nobody posted"
                return violated("S11", words, operation)
            if times > 1:
                words = f"{operation.agent} {operation.name} showed {task_id} {times} times"
                return violated("S11", words, operation)
    for task_id, times in _shown(evidence.execution.final or []).items():
        if task_id not in known or times > 1:
            return violated("S11", f"the board is left with {task_id}, {times} times")
    return holds("S11")


def honest_listing(evidence: Evidence) -> Verdict:
    """S16: a listing comes back, and shows each task that was there during all of the call.

    In which state it may show it, is judged by search.
    """
    listings = [operation for operation in evidence.operations if operation.name in LISTINGS]
    if not listings and evidence.execution.lacking & LISTINGS:
        return not_applicable("S16", "the board has no such listing")
    for operation in listings:
        if operation.outcome == "unknown":
            if is_failure_of_a_reader(operation) and not evidence.was_struck(operation):
                words = f"a listing tripped over what others did: {said(operation)}"
                return violated("S16", words, operation)
            continue
        shown, may_miss = _ids(operation), evidence.may_have_missed(operation)
        for task_id in evidence.by_task:
            what = f"{operation.agent} {operation.name}"
            is_missed = task_id not in shown and not may_miss
            if is_missed and _had_to_be_shown(evidence, task_id, operation):
                words = f"{what} left out {task_id}, which was there"
                return violated("S16", words, operation)
            if task_id in shown and is_of_type(evidence, task_id, operation) is False:
                words = f"{what}({operation.arguments['task_type']}) showed {task_id}"
                return violated("S16", words, operation)
    return holds("S16")


def is_of_type(evidence: Evidence, task_id: str, listing: Operation) -> bool | None:
    """Whether the task is of the type that a listing is of, if of one; None if not known."""
    if listing.name != "get_by_type":
        return True
    return is_among([listing.arguments["task_type"]], evidence.types_of(task_id))


def _had_to_be_shown(evidence: Evidence, task_id: str, listing: Operation) -> bool:
    if listing.name in ("get_pending", "get_claimable"):
        return is_pending_throughout(evidence, task_id, listing)
    if listing.name == "get_results_by_parent":
        return _is_completed_throughout(evidence, task_id, listing)
    return evidence.is_there_throughout(task_id, listing) and (
        is_of_type(evidence, task_id, listing) is True
    )


def _is_completed_throughout(evidence: Evidence, task_id: str, listing: Operation) -> bool:
    """Whether a completion before the call surely was the last change of the task."""
    changes = [o for o in evidence.changes(task_id) if not listing.precedes(o)]
    return any(
        end.name == "complete"
        and end.outcome == "ok"
        and is_over(end, listing)
        and all(other is end or is_over(other, end) for other in changes)
        for end in changes
    )


def _ids(operation: Operation) -> Counter[str]:
    """What an answer tells of."""
    if operation.outcome != "ok" or operation.answer is None:
        return Counter()
    if operation.name in LISTINGS:
        return _shown(operation.answer)
    if operation.name in GRANTS or operation.name == "get":
        return _shown([operation.answer])
    if operation.name == "prune":
        return Counter(map(str, operation.answer))
    return Counter()


def _shown(listed: list[dict[str, Any]]) -> Counter[str]:
    return Counter(str(task["task_id"]) for task in listed)
