"""Whether what was done stayed, and what was refused did not happen: S6, S7 and S10."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from proofs.harness.checkers.evidence import (
    ENDS,
    GRANTS,
    HELD,
    RETURNS,
    Evidence,
    is_over,
    said,
    status_of,
)
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated

_LEAVES: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(RETURNS | {"post"}, frozenset({"PENDING"})),
    **{name: frozenset({status}) for name, status in ENDS.items()},
    **dict.fromkeys(GRANTS, frozenset({"CLAIMED"})),
    "start": frozenset({"IN_PROGRESS"}),
    "renew": HELD,
    "prune": frozenset(),
}


def no_lost_update(evidence: Evidence) -> Verdict:
    """S6: the last change of a task, where one surely was the last, shows in its final state.

    And of two posts of one id one is refused, or it overwrites the other.
    """
    for task_id in evidence.lasting:
        changes = evidence.changes(task_id)
        posts = [o for o in changes if o.name == "post" and o.outcome == "ok"]
        if len(posts) > (task_id not in evidence.posted):
            words = f"{task_id} was posted again over what was there: {said(posts[-1])}"
            return violated("S6", words, *posts)
        last = _surely_last(changes)
        left = (evidence.final or {}).get(task_id)
        if last and left and _is_lost(evidence, last, left):
            words = f"{task_id} is {_shown(left)} in the end, after {said(last)}"
            return violated("S6", words, last)
    return holds("S6")


def _shown(left: dict[str, Any]) -> str:
    holder = left.get("claimed_by")
    return f"{status_of(left)} by {holder}" if holder else f"{status_of(left)}"


def _surely_last(changes: list[Operation]) -> Operation | None:
    for last in changes[-1:]:
        if last.outcome == "ok" and all(o is last or is_over(o, last) for o in changes):
            return last
    return None


def _is_lost(evidence: Evidence, last: Operation, left: dict[str, Any]) -> bool:
    status, expected = status_of(left), _LEAVES[last.name]
    if status is None:
        return False
    if status == "FAILED" and not expected.isdisjoint(HELD):  # its attempts may be used up
        return evidence.promises.attempts_max is None
    holder = left.get("claimed_by")
    is_anothers = last.name in GRANTS and status in HELD and holder not in (None, last.agent)
    return status not in expected or is_anothers


def nothing_lost(evidence: Evidence) -> Verdict:
    """S7: every task whose post was ok is on the board, for the final listing and for ``get``.

    Unless it was final and put away by request.
    """
    if evidence.final is None and "get" in evidence.execution.lacking:
        return not_applicable("S7", "the board has neither list_all nor get")
    for task_id, operations in evidence.by_task.items():
        posts = [o for o in operations if o.name == "post" and o.outcome == "ok"]
        prunes = [o for o in operations if o.name == "prune"]
        is_posted = (task_id in evidence.posted or bool(posts)) and not prunes
        if is_posted and evidence.final is not None and task_id not in evidence.final:
            return violated("S7", f"{task_id} was posted and is gone", *posts)
        for prune in prunes:
            if prune.outcome == "ok" and not _may_be_final(evidence, task_id, prune):
                words = f"{task_id} was put away and was not final: {said(prune)}"
                return violated("S7", words, prune)
        for reader in operations:
            is_missing = reader.name == "get" and reader.outcome == "ok" and reader.answer is None
            if is_missing and evidence.is_there_throughout(task_id, reader):
                words = f"{task_id} was posted and {said(reader)} found none"
                return violated("S7", words, *posts, reader)
    return holds("S7")


def _may_be_final(evidence: Evidence, task_id: str, prune: Operation) -> bool:
    """Whether something may have ended the task before, its attempts being used up too."""
    before = [o for o in evidence.changes(task_id) if not prune.precedes(o)]
    grants = sum(operation.name in GRANTS for operation in before)
    attempts_max = evidence.promises.attempts_max
    is_used_up = attempts_max is not None and grants >= attempts_max
    return is_used_up or any(operation.name in ENDS for operation in before)


def honest_refusal(evidence: Evidence) -> Verdict:
    """S10: who was refused a task, and was never granted it, is not seen as its holder.

    Whoever held it before may still do so.
    """
    for task_id, operations in evidence.by_task.items():
        granted = {o.agent for o in evidence.changes(task_id) if o.name in GRANTS}
        granted |= {str(evidence.posted.get(task_id, {}).get("claimed_by"))}
        asked = [o for o in evidence.operations if o.name in GRANTS and o.outcome == "refused"]
        refused = {o.agent: o for o in asked if o.arguments.get("task_id", task_id) == task_id}
        for seen in _seen(evidence, task_id, operations):
            holder = seen.get("claimed_by")
            if status_of(seen) in HELD and holder in refused and holder not in granted:
                words = f"{said(refused[holder])}, and yet {holder} was seen holding {task_id}"
                return violated("S10", words, refused[holder])
    return holds("S10")


def _seen(
    evidence: Evidence, task_id: str, operations: list[Operation]
) -> Iterator[dict[str, Any]]:
    """Each sight of a task by ``get`` and at the end."""
    for operation in operations:
        if operation.name == "get" and operation.answer is not None:
            yield operation.answer
    if evidence.final and task_id in evidence.final:
        yield evidence.final[task_id]
