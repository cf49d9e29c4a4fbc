"""What a reader saw of a task's file: S8."""

from __future__ import annotations

from typing import Final

from proofs.harness.checkers.evidence import Evidence, said, task_of
from proofs.harness.history import KILLED, Operation
from proofs.harness.verdict import Verdict, holds, violated

_TORN: Final = ("JSON", "Corrupt", "Decode", "EOFError", "Unpickling", "Torn", "Truncated")


def whole_files(evidence: Evidence) -> Verdict:
    """S8: where nobody damaged anything, nobody fails to read a task that is there."""
    for operation in evidence.operations:
        if is_torn_read(operation):
            return violated("S8", f"a file was seen half-written: {said(operation)}", operation)
        task_id = task_of(operation)
        if operation.name != "get" or not is_failure_of_a_reader(operation) or task_id is None:
            continue
        if evidence.was_struck(operation):
            continue
        if evidence.is_there_throughout(task_id, operation):
            return violated("S8", f"{task_id} could not be read: {said(operation)}", operation)
    return holds("S8")


def is_failure_of_a_reader(operation: Operation) -> bool:
    """Whether it raised something else; to give up waiting is no failure, nor is to be killed."""
    raised = (operation.error or "").partition(":")[0]
    is_failure = bool(raised) and raised != KILLED and "Timeout" not in raised
    return is_failure and not is_torn_read(operation)


def is_torn_read(operation: Operation) -> bool:
    """Whether it raised what tells of bytes that are no whole task, by the exception's name."""
    return tells_of_damage(operation.error or "")


def tells_of_damage(raised: str) -> bool:
    """The same of an exception in words, its name first."""
    return any(word in raised.partition(":")[0] for word in _TORN)
