"""What listings show: S11 and S16."""

from __future__ import annotations

from collections import Counter
from typing import Any

from proofs.harness.checkers.claimability import is_pending_throughout, is_present_throughout
from proofs.harness.checkers.evidence import GRANTS, LISTINGS, Evidence, said, task_of
from proofs.harness.checkers.files import is_failure_of_a_reader
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def nothing_invented(evidence: Evidence) -> Verdict:
    """S11: listings show what was posted, each once, and nothing else is granted or read."""
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
    if evidence.execution.lacking >= LISTINGS:
        return not_applicable("S16", "the board has no listing")
    for operation in evidence.operations:
        if operation.name not in LISTINGS:
            continue
        if operation.outcome == "unknown":
            if is_failure_of_a_reader(operation):
                words = f"a listing tripped over what others did: {said(operation)}"
                return violated("S16", words, operation)
            continue
        for task_id in evidence.by_task:
            if task_id not in _ids(operation) and _had_to_be_shown(evidence, task_id, operation):
                words = f"{operation.agent} {operation.name} left out {task_id}, which was there"
                return violated("S16", words, operation)
    return holds("S16")


def _had_to_be_shown(evidence: Evidence, task_id: str, listing: Operation) -> bool:
    if listing.name == "get_pending":
        return is_pending_throughout(evidence, task_id, listing)
    return is_present_throughout(evidence, task_id, listing)


def _ids(operation: Operation) -> Counter[str]:
    """What an answer tells of."""
    if operation.outcome != "ok" or operation.answer is None:
        return Counter()
    if operation.name in LISTINGS:
        return _shown(operation.answer)
    if operation.name in GRANTS or operation.name == "get":
        return _shown([operation.answer])
    return Counter()


def _shown(listed: list[dict[str, Any]]) -> Counter[str]:
    return Counter(str(task["task_id"]) for task in listed)
