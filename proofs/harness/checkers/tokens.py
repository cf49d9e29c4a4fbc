"""The tokens of grants, and operations under them: S2 and S5."""

from __future__ import annotations

from itertools import pairwise

from proofs.harness.checkers.evidence import Evidence, said, token_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


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
    """S5: an operation under a token is refused once a larger one was granted."""
    judged = False
    for task_id in evidence.lasting:
        known = _known_tokens(evidence.grants(task_id))
        for operation in evidence.changes(task_id):
            token = operation.arguments.get("token")
            judged = judged or token is not None
            if operation.outcome == "ok" and token is not None:
                for larger, later in known:
                    if larger > token and later.precedes(operation):
                        words = f"{said(operation)} after {said(later)}"
                        return violated("S5", words, operation, later)
    return holds("S5") if judged else not_applicable("S5", "nothing was done under a token")
