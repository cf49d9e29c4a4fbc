"""The result of a task: S9."""

from __future__ import annotations

from proofs.harness.checkers.evidence import Evidence, result_of, said, status_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def one_result(evidence: Evidence) -> Verdict:
    """S9: at most one completion of a task is ok, and its result is the one kept."""
    if "complete" in evidence.execution.lacking:
        return not_applicable("S9", "the board has no complete")
    for task_id in evidence.lasting:
        completions = [o for o in evidence.changes(task_id) if o.name == "complete"]
        done = [operation for operation in completions if operation.outcome == "ok"]
        if len(done) > 1:
            words = f"{task_id} was completed twice: {'; '.join(map(said, done))}"
            return violated("S9", words, *done)
        if len(completions) == len(done) == 1 and _is_another(evidence, task_id, done[0]):
            kept = (evidence.final or {})[task_id].get("result")
            return violated("S9", f"{task_id} keeps {kept!r} after {said(done[0])}", *done)
    return holds("S9")


def _is_another(evidence: Evidence, task_id: str, completion: Operation) -> bool:
    """Whether the task kept a result, and not that of this completion."""
    seen = (evidence.final or {}).get(task_id)
    if seen is None or status_of(seen) != "COMPLETED" or seen.get("result") is None:
        return False
    return bool(seen["result"] != result_of(completion))
