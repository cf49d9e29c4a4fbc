"""Judges: what an execution shows of each invariant. Nothing of any board is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proofs.harness.checkers.claimability import no_false_empty
from proofs.harness.checkers.evidence import Evidence
from proofs.harness.checkers.files import whole_files
from proofs.harness.checkers.grants import claimed_once
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.checkers.results import one_result
from proofs.harness.checkers.tokens import tokens_grow
from proofs.harness.execution import Execution
from proofs.harness.verdict import Verdict

__all__ = ["PROMISES", "Evidence", "Promises", "check"]

Checker = Callable[[Evidence], Verdict]

CHECKERS: Final[tuple[Checker, ...]] = (
    whole_files,
    claimed_once,
    tokens_grow,
    one_result,
    no_false_empty,
)


def check(execution: Execution, promises: Promises = PROMISES) -> list[Verdict]:
    """One verdict for each invariant that an execution can show, the cheapest first."""
    evidence = Evidence(execution, promises)
    return [checker(evidence) for checker in CHECKERS]
