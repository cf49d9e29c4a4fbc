"""An execution, arranged for those who judge it: the operations by task, and words for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.execution import Execution
from proofs.harness.history import Operation

GRANTS: Final = frozenset({"claim", "claim_next"})
RETURNS: Final = frozenset({"release", "retry", "requeue"})
ENDS: Final = {"complete": "COMPLETED", "fail": "FAILED", "cancel": "CANCELLED"}
FINAL: Final = frozenset(ENDS.values())
HELD: Final = frozenset({"CLAIMED", "IN_PROGRESS"})
LISTINGS: Final = frozenset({"get_pending", "list_all"})
READS: Final = LISTINGS | {"get"}
CHANGES: Final = GRANTS | RETURNS | set(ENDS) | {"start", "renew", "post"}
_STATUSES: Final = FINAL | HELD | {"PENDING"}


@dataclass(frozen=True)
class Evidence:
    """One execution. What was refused changed nothing; what is unknown may have."""

    execution: Execution
    promises: Promises = PROMISES

    @property
    def operations(self) -> list[Operation]:
        """All, by invocation."""
        return list(self.execution.history.operations)

    @cached_property
    def posted(self) -> dict[str, dict[str, Any]]:
        """The tasks that were there before, by id."""
        return {str(task["task_id"]): task for task in self.execution.history.posted}

    @cached_property
    def by_task(self) -> dict[str, list[Operation]]:
        """The operations that concern each task, by invocation.

        A ``claim_next`` that raised may concern any; one that answered None is in no list.
        """
        found: dict[str, list[Operation]] = {task_id: [] for task_id in self.posted}
        for operation in self.operations:
            task_id = task_of(operation)
            if task_id is not None:
                found.setdefault(task_id, [])
        for operation in self.operations:
            for task_id in [task_of(operation)] if task_of(operation) else list(found):
                if task_of(operation) or may_have_granted_any(operation):
                    found[str(task_id)].append(operation)
        return found

    def changes(self, task_id: str) -> list[Operation]:
        """What did or may have changed the task."""
        return [
            operation
            for operation in self.by_task[task_id]
            if operation.name in CHANGES and not was_refused(operation)
        ]

    def grants(self, task_id: str) -> list[Operation]:
        """The grants of the task that the board told of."""
        return [
            operation
            for operation in self.by_task[task_id]
            if operation.name in GRANTS and operation.outcome == "ok"
        ]

    @cached_property
    def alone(self) -> frozenset[tuple[str, int]]:
        """The calls, by agent and invocation, beside which no other was under way.

        One that raised may be under way for ever.
        """
        return frozenset(
            (one.agent, one.invoked_at)
            for one in self.operations
            if not any(
                other is not one
                and (overlap(one, other) or (may_go_on(other) and not one.precedes(other)))
                for other in self.operations
            )
        )

    @cached_property
    def final(self) -> dict[str, dict[str, Any]] | None:
        """What the board's own listing said afterwards, by id."""
        listed = self.execution.final
        return None if listed is None else {str(task["task_id"]): task for task in listed}


def task_of(operation: Operation) -> str | None:
    """The one task that an operation concerns, if there is one."""
    task_id = operation.arguments.get("task_id")
    if task_id is None and operation.name == "claim_next" and operation.answer is not None:
        task_id = operation.answer["task_id"]
    return None if task_id is None else str(task_id)


def may_have_granted_any(operation: Operation) -> bool:
    """A search for work that raised: whether it claimed something, and what, nobody knows."""
    return operation.name == "claim_next" and operation.outcome == "unknown"


def was_refused(operation: Operation) -> bool:
    """The board said no; a post says it by an exception that names the duplicate."""
    if operation.outcome == "unknown" and operation.name == "post":
        raised = (operation.error or "").partition(":")[0]
        return "Duplicate" in raised or "Exists" in raised
    return operation.outcome == "refused"


def is_over(operation: Operation, other: Operation) -> bool:
    """Whether it had taken effect before the other began; what raised may do so at any time."""
    return operation.outcome == "ok" and operation.precedes(other)


def may_go_on(operation: Operation) -> bool:
    """Whether it raised, so that nobody knows when it changes something, if ever."""
    is_open = operation.outcome == "unknown" and operation.name in CHANGES
    return is_open and not was_refused(operation)


def overlap(one: Operation, other: Operation) -> bool:
    """Whether neither was over when the other began."""
    return not one.precedes(other) and not other.precedes(one)


def token_of(grant: Operation, grants: list[Operation]) -> int | None:
    """The token that a grant gave, None if that is not known.

    Where ``claim`` only says yes, its token is read afterwards, and may be that of a grant which
    came in between.
    """
    token: int | None = grant.answer["token"]
    if grant.name == "claim" and any(o is not grant and overlap(o, grant) for o in grants):
        return None
    return token


def status_of(seen: dict[str, Any]) -> str | None:
    """The status that a task was seen in, None if it is none of the known words."""
    status = seen.get("status")
    word = str(getattr(status, "value", status)).upper()
    return word if word in _STATUSES else None


def said(operation: Operation) -> str:
    """One operation in words."""
    task_id = task_of(operation)
    token = operation.arguments.get("token")
    under = "" if token is None else f", token {token}"
    answer = "" if operation.answer is None else f" -> {operation.answer}"
    outcome = operation.error or operation.outcome
    call = f"{operation.name}({task_id or ''}{under})"
    return f"{operation.agent} {call} {outcome}{answer if operation.name in GRANTS else ''}"
