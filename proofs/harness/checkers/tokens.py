"""The tokens of grants, and operations under them: S2 and S5."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from proofs.harness.checkers.evidence import GRANTS, Evidence, said, token_of
from proofs.harness.checkers.task_model import state_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated

_HOLDERS: Final = frozenset({"start", "renew", "complete", "fail", "retry", "release"})
"""What only the holder of a task may do."""


def tokens_grow(evidence: Evidence) -> Verdict:
    """S2: a later grant of a task has a larger token; none is used twice."""
    judged = False
    for task_id in evidence.lasting:
        known = _known_tokens(evidence.grants(task_id))
        judged = judged or bool(known)
        for (token, grant), (larger, later) in pairwise(sorted(known, key=lambda pair: pair[0])):
            if token == larger or later.precedes(grant):
                words = f"{task_id}: tokens {token} and {larger}: {said(grant)}; {said(later)}"
                return violated("S2", words, grant, later)
    return holds("S2") if judged else not_applicable("S2", "no grant had a token")


def _known_tokens(grants: list[Operation]) -> list[tuple[int, Operation]]:
    pairs = [(token_of(grant), grant) for grant in grants]
    return [(token, grant) for token, grant in pairs if token is not None]


def no_zombie(evidence: Evidence) -> Verdict:
    """S5: an operation under a token is refused once a larger one was granted.

    So is, with a token or without, what only a holder may do, as long as nobody was granted the
    task.
    """
    judged = False
    for task_id in evidence.lasting:
        known = _known_tokens(evidence.grants(task_id))
        for operation in evidence.changes(task_id):
            if operation.outcome == "ok" and _is_held_by_nobody(evidence, task_id, operation):
                words = f"nobody had been granted {task_id}: {said(operation)}"
                return violated("S5", words, operation)
            token = operation.arguments.get("token")
            judged = judged or token is not None
            if operation.outcome == "ok" and token is not None:
                for larger, later in known:
                    if larger > token and later.precedes(operation):
                        words = f"{said(operation)} after {said(later)}"
                        return violated("S5", words, operation, later)
        judged = judged or any(one.name in _HOLDERS for one in evidence.by_task[task_id])
    return holds("S5") if judged else not_applicable("S5", "nothing was done that needs a grant")


def _is_held_by_nobody(evidence: Evidence, task_id: str, operation: Operation) -> bool:
    """Whether it is a holder's, on a task that nobody can have been granted before."""
    posted = evidence.posted.get(task_id)
    was_pending = state_of(posted).status in ("PENDING", "ABSENT")
    if operation.name not in _HOLDERS or task_id not in evidence.described or not was_pending:
        return False
    grants = (one for one in evidence.changes(task_id) if one.name in GRANTS)
    return all(operation.precedes(grant) for grant in grants)
