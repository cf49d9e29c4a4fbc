"""What became of a task once it was final: S14."""

from __future__ import annotations

from proofs.harness.checkers.evidence import ENDS, Evidence, is_over, said, status_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, violated


def final_is_final(evidence: Evidence) -> Verdict:
    """S14: final states never change, and so only one operation makes a task final.

    Two completions are S9's.
    """
    for task_id in evidence.by_task:
        changes = evidence.changes(task_id)
        ends = [o for o in changes if o.name in ENDS and o.outcome == "ok"]
        if any(o.name == "requeue" for o in changes):
            continue
        for end in ends:
            verdict = _changed(end, changes, task_id) or _seen_changed(evidence, end, task_id)
            if verdict:
                return verdict
        if len({end.name for end in ends}) > 1:
            words = f"{task_id} became final twice: {'; '.join(map(said, ends))}"
            return violated("S14", words, *ends)
    return holds("S14")


def _changed(end: Operation, changes: list[Operation], task_id: str) -> Verdict | None:
    for later in changes:
        if later.outcome == "ok" and later.name not in (*ENDS, "post") and is_over(end, later):
            words = f"{task_id} was final and changed: {said(end)}; then {said(later)}"
            return violated("S14", words, end, later)
    return None


def _seen_changed(evidence: Evidence, end: Operation, task_id: str) -> Verdict | None:
    left = (evidence.final or {}).get(task_id)
    status = left and status_of(left)
    if status and status != ENDS[end.name]:
        return violated("S14", f"{task_id} is {status} after {said(end)}", end)
    for reader in evidence.by_task[task_id]:
        if reader.name == "get" and reader.answer is not None and is_over(end, reader):
            status = status_of(reader.answer)
            if status not in (None, ENDS[end.name]):
                return violated("S14", f"{task_id} was {status} after {said(end)}", end, reader)
    return None
