"""What became of a task once it was final: S14."""

from __future__ import annotations

from proofs.harness.checkers.evidence import (
    ENDS,
    Evidence,
    is_over,
    may_be_between,
    said,
    status_of,
)
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, violated

_LEAVES_IT: frozenset[str] = frozenset({*ENDS, "post", "prune"})


def final_is_final(evidence: Evidence) -> Verdict:
    """S14: final states never change but by requeue, and so only one operation makes a task final.

    Two completions are S9's. Of what was completed even a requeue is refused.
    """
    for task_id in evidence.lasting:
        changes = evidence.changes(task_id)
        ends = [o for o in changes if o.name in ENDS and o.outcome == "ok"]
        for end in ends:
            verdict = _changed(end, changes, task_id) or _seen_changed(evidence, end, task_id)
            if verdict:
                return verdict
        if len({end.name for end in ends}) > 1 and not any(o.name == "requeue" for o in changes):
            words = f"{task_id} became final twice: {'; '.join(map(said, ends))}"
            return violated("S14", words, *ends)
    return holds("S14")


def _changed(end: Operation, changes: list[Operation], task_id: str) -> Verdict | None:
    for later in changes:
        if later.outcome != "ok" or later.name in _LEAVES_IT or not is_over(end, later):
            continue
        if not _may_be_requeued(end, changes, later):
            words = f"{task_id} was final and changed: {said(end)}; then {said(later)}"
            return violated("S14", words, end, later)
    return None


def _seen_changed(evidence: Evidence, end: Operation, task_id: str) -> Verdict | None:
    changes = evidence.changes(task_id)
    left = (evidence.final or {}).get(task_id)
    status = left and status_of(left)
    if status and status != ENDS[end.name] and not _may_be_requeued(end, changes, None):
        return violated("S14", f"{task_id} is {status} after {said(end)}", end)
    for reader in evidence.by_task[task_id]:
        if reader.name == "get" and reader.answer is not None and is_over(end, reader):
            status = status_of(reader.answer)
            is_other = status not in (None, ENDS[end.name])
            if is_other and not _may_be_requeued(end, changes, reader):
                return violated("S14", f"{task_id} was {status} after {said(end)}", end, reader)
    return None


def _may_be_requeued(end: Operation, changes: list[Operation], later: Operation | None) -> bool:
    """Whether a requeue may have come after the end, and before the later one if that is given."""
    return end.name != "complete" and any(
        (not is_over(requeue, end) if later is None else may_be_between(requeue, end, later))
        for requeue in changes
        if requeue.name == "requeue"
    )
