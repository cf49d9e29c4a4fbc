"""What a reader saw of a task's file: S8."""

from __future__ import annotations

from typing import Final

from proofs.harness.checkers.evidence import Evidence, said
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, violated

_TORN: Final = ("JSON", "Corrupt", "Decode", "EOFError", "Unpickling", "Torn", "Truncated")


def whole_files(evidence: Evidence) -> Verdict:
    """S8: where nobody damaged anything, nobody finds a file that cannot be decoded."""
    for operation in evidence.operations:
        if is_torn_read(operation):
            return violated("S8", f"a file was seen half-written: {said(operation)}", operation)
    return holds("S8")


def is_torn_read(operation: Operation) -> bool:
    """Whether it raised what tells of bytes that are no whole task, by the exception's name."""
    raised = (operation.error or "").partition(":")[0]
    return any(word in raised for word in _TORN)
