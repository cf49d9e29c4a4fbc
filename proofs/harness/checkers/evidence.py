"""An execution, arranged for those who judge it: the operations by task, and words for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.execution import Execution
from proofs.harness.history import Operation, Outcome
from proofs.harness.nemesis import clocks_set_by_seconds
from proofs.harness.scheduling import agent_of
from proofs.harness.trace import Step
from strategies.clocks import Clock

GRANTS: Final = frozenset({"claim", "claim_next"})
RETURNS: Final = frozenset({"release", "retry", "requeue"})
ENDS: Final = {"complete": "COMPLETED", "fail": "FAILED", "cancel": "CANCELLED"}
FINAL: Final = frozenset(ENDS.values())
HELD: Final = frozenset({"CLAIMED", "IN_PROGRESS"})
LISTINGS: Final = frozenset(
    {"get_pending", "get_claimable", "get_by_type", "get_results_by_parent", "list_all"}
)
CHANGES: Final = GRANTS | RETURNS | set(ENDS) | {"start", "renew", "post", "prune"}
_LOOKS: Final = frozenset({"open", "read", "close", "listdir", "stat", "access", "readlink"})
_TOLD_OF_FILES: Final = ("ENOENT", "EACCES")
_STATUSES: Final = FINAL | HELD | {"PENDING"}


@dataclass(frozen=True)
class Evidence:
    """One execution. What was refused changed nothing; what is unknown may have.

    Where a lease may go by any clock, each operation began at the earliest that one of them told
    and ended at the latest. So a claim has lapsed for a judge only if it has by whatever clock it
    was dated, looked at under whatever other, and may have lapsed if it may have by two of them.
    """

    execution: Execution
    promises: Promises = PROMISES

    @cached_property
    def operations(self) -> list[Operation]:
        """All, by invocation."""
        operations, clock = self.execution.history.operations, self.execution.scenario.clock
        jumps = [clocks_set_by_seconds(step) for step in self.execution.trace]
        if self.promises.clock == "wall" or (clock == Clock() and not any(jumps)):
            return list(operations)
        return [_by_any_clock(operation, clock, jumps) for operation in operations]

    @cached_property
    def posted(self) -> dict[str, dict[str, Any]]:
        """The tasks that were there before, by id."""
        return {str(task["task_id"]): task for task in self.execution.history.posted}

    @cached_property
    def described(self) -> dict[str, list[dict[str, Any]]]:
        """The fields that each task was posted with, by id; several if it may have been twice."""
        found = {task_id: [task] for task_id, task in self.posted.items()}
        for operation in self.operations:
            if operation.name == "post" and self.may_change(operation):
                fields, known = operation.arguments, found.setdefault(str(task_of(operation)), [])
                if fields not in known:
                    known.append(fields)
        return found

    @cached_property
    def by_task(self) -> dict[str, list[Operation]]:
        """The operations that concern each task, by invocation.

        A ``claim_next`` that raised may concern any; one that answered None is in no list. Of a
        ``prune`` each task has its own part, unknown where nobody knows whether it was put away:
        a board need not put all away at once.
        """
        found: dict[str, list[Operation]] = {task_id: [] for task_id in self.posted}
        for operation in self.operations:
            for task_id in [task_of(operation), *_pruned(operation)]:
                if task_id is not None:
                    found.setdefault(task_id, [])
        for operation in self.operations:
            if operation.name == "prune":
                for task_id in _pruned(operation) or found:
                    found[task_id] += _part(operation, task_id)
            elif (only := task_of(operation)) is not None:
                found[only].append(operation)
            elif may_have_granted_any(operation):
                for operations in found.values():
                    operations.append(operation)
        return found

    @cached_property
    def lasting(self) -> list[str]:
        """The ids that stood for one task all along: none was put away and posted again."""
        return [
            task_id
            for task_id, operations in self.by_task.items()
            if not any(operation.name == "prune" for operation in operations)
            or (task_id in self.posted) + sum(o.name == "post" for o in self.changes(task_id)) < 2
        ]

    def changes(self, task_id: str) -> list[Operation]:
        """What did or may have changed the task."""
        return self._changes[task_id]

    @cached_property
    def _changes(self) -> dict[str, list[Operation]]:
        return {
            task_id: [operation for operation in operations if self.may_change(operation)]
            for task_id, operations in self.by_task.items()
        }

    def grants(self, task_id: str) -> list[Operation]:
        """The grants of the task that the board told of."""
        return [
            operation
            for operation in self.by_task[task_id]
            if operation.name in GRANTS and operation.outcome == "ok"
        ]

    def may_change(self, operation: Operation) -> bool:
        """Whether it changed something, or may have, or may yet."""
        is_change = operation.name in CHANGES and not was_refused(operation)
        return is_change and not (operation.name == "post" and self._is_a_duplicate(operation))

    def may_go_on(self, operation: Operation) -> bool:
        """Whether it raised, so that nobody knows when it changes something, if ever."""
        return operation.may_go_on and self.may_change(operation)

    def _is_a_duplicate(self, post: Operation) -> bool:
        """Whether it raised, and another post of the id was ok.

        Whatever it raised: before that one it did nothing, or that one would have been refused, and
        after it it does nothing. But a prune leaves room for it.
        """
        task_id = task_of(post)
        return post.outcome == "unknown" and task_id in self._posted_for_good

    @cached_property
    def _posted_for_good(self) -> frozenset[str]:
        prunes = [operation for operation in self.operations if operation.name == "prune"]
        if not all(_tells_what_is_gone(prune) for prune in prunes):
            return frozenset()
        posts = (o for o in self.operations if o.name == "post" and o.outcome == "ok")
        gone = {task_id for prune in prunes for task_id in _pruned(prune)}
        return frozenset({*self.posted, *(str(task_of(post)) for post in posts)} - gone)

    @cached_property
    def alone(self) -> frozenset[tuple[str, int]]:
        """The calls, by agent and invocation, beside which no other was under way.

        One that raised may be under way for ever. Nor did an error keep them from reading.
        """
        return frozenset(
            (one.agent, one.invoked_at)
            for one in self.operations
            if not self.was_kept_from_reading(one)
            and not any(
                other is not one
                and (overlap(one, other) or (self.may_go_on(other) and not one.precedes(other)))
                for other in self.operations
            )
        )

    @cached_property
    def renewing(self) -> frozenset[str]:
        """The agents whose threads or children did something: they may have renewed a claim.

        That is no call of the agent's, so nobody knows when such a claim of theirs lapses.
        """
        parts = {step.agent for step in self.execution.trace}
        seen = frozenset(agent_of(part) for part in parts if part != agent_of(part))
        return seen | self.execution.running.keys()

    @cached_property
    def final(self) -> dict[str, dict[str, Any]] | None:
        """What the board's own listing said afterwards, by id."""
        listed = self.execution.final
        return None if listed is None else {str(task["task_id"]): task for task in listed}

    def was_struck(self, operation: Operation) -> bool:
        """Whether a fault happened to its agent meanwhile, or a file was damaged before.

        That it raised tells nothing then, but of what the damage did, see S12.
        """
        damaged = any(done.tasks for done in self.execution.damaged)
        return damaged or any(step.is_struck for step in self.steps_of(operation))

    def was_kept_from_reading(self, operation: Operation) -> bool:
        """Whether its agent met an error meanwhile as it looked: it cannot tell what it missed."""
        return any(self._looks_that_failed(operation))

    def may_have_missed(self, operation: Operation) -> bool:
        """The same, and the board may answer as if there were nothing there.

        Not one that promises to tell of errors; unless it is told that a file is not there or is
        another user's, as no board can know better.
        """
        failed = self._looks_that_failed(operation)
        if self.promises.tells_errors:
            return any(str(step.fault).endswith(_TOLD_OF_FILES) for step in failed)
        return any(failed)

    def _looks_that_failed(self, operation: Operation) -> Iterator[Step]:
        if not self.execution.scenario.faults:
            return
        steps = self.steps_of(operation)
        written = {
            path for step in steps if step.effect.kind == "write" for path in step.effect.paths
        }
        for step in steps:
            is_look = step.effect.kind in _LOOKS and written.isdisjoint(step.effect.paths)
            if step.fault is not None and is_look:
                yield step

    def steps_of(self, operation: Operation) -> list[Step]:
        """The effects of its agent meanwhile, and those of its threads and children."""
        between = self.execution.trace[operation.invoked_at : operation.returned_at]
        return [step for step in between if agent_of(step.agent) == operation.agent]

    def is_there_throughout(self, task_id: str, operation: Operation) -> bool:
        """Whether the task was on the board during all of the call, in whatever order."""
        operations = self.by_task[task_id]
        if any(o.name == "prune" and not operation.precedes(o) for o in operations):
            return False
        return task_id in self.posted or any(
            post.name == "post" and post.outcome == "ok" and post.precedes(operation)
            for post in operations
        )

    def types_of(self, task_id: str) -> frozenset[str]:
        """The types that the task may be of."""
        tasks = self.described.get(task_id, ())
        return frozenset(str(task["task_type"]) for task in tasks if "task_type" in task)

    def is_able(self, operation: Operation, task_id: str) -> bool | None:
        """Whether a look for work was for the type of this task; None if that is not known."""
        return is_among(operation.arguments.get("capabilities"), self.types_of(task_id))


def _by_any_clock(operation: Operation, clock: Clock, jumps: list[float]) -> Operation:
    """With the times that the caller's clock, the run's and its files' tell, all of them.

    The monotonic clock is the run's, and ``jumps`` do not show in it: by how much each effect set
    the calendars.
    """
    skew_seconds = clock.skew_ns(operation.agent) / 1e9
    by_file = operation.started - skew_seconds - clock.file_tick_seconds
    by_run = operation.started - skew_seconds - sum(jumps[: operation.invoked_at])
    started = min(operation.started, by_file, by_run)
    ended = max(
        operation.ended,
        operation.ended - skew_seconds,
        operation.ended - skew_seconds - sum(jumps[: operation.returned_at]),
    )
    return replace(operation, started=started, ended=ended)


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
    """The board said no. What it raised, by whatever name, never says so."""
    return operation.outcome == "refused"


def is_over(operation: Operation, other: Operation) -> bool:
    """Whether it took no effect any more once the other began; what raised may do so for ever."""
    return not operation.may_go_on and operation.precedes(other)


def may_be_between(operation: Operation, one: Operation, other: Operation) -> bool:
    """Whether it may have happened between the two, whichever of them came first."""
    is_before = is_over(operation, one) and is_over(operation, other)
    return not is_before and not (one.precedes(operation) and other.precedes(operation))


def overlap(one: Operation, other: Operation) -> bool:
    """Whether neither was over when the other began."""
    return not one.precedes(other) and not other.precedes(one)


def is_among(only: Collection[str] | None, types: frozenset[str]) -> bool | None:
    """Whether a task, of one of these types, is of those asked for; None if that is not known."""
    if only is None:
        return True
    found = {one in only for one in types}
    return found.pop() if len(found) == 1 else None


def token_of(grant: Operation) -> int | None:
    """The token that a grant gave, None if that is not known."""
    token: int | None = grant.answer["token"]
    return token


def status_of(seen: dict[str, Any]) -> str | None:
    """The status that a task was seen in, None if it is none of the known words."""
    word = str(seen.get("status")).upper()
    return word if word in _STATUSES else None


def result_of(completion: Operation) -> dict[str, Any]:
    """What the task keeps of a completion."""
    return {"by": completion.agent, "of": task_of(completion)}


def said(operation: Operation) -> str:
    """One operation in words."""
    return f"{operation.agent} {operation.call()} -> {operation.response()}"


def _tells_what_is_gone(prune: Operation) -> bool:
    return prune.outcome == "ok" and prune.answer is not None


def _pruned(operation: Operation) -> list[str]:
    """The tasks that it told to have put away."""
    is_known = operation.name == "prune" and _tells_what_is_gone(operation)
    return [str(task_id) for task_id in operation.answer] if is_known else []


def _part(prune: Operation, task_id: str) -> Iterator[Operation]:
    """What a prune did to one task, if it may have done anything."""
    is_known = _tells_what_is_gone(prune)
    if is_known and task_id not in prune.answer:
        return
    arguments = {**prune.arguments, "task_id": task_id}
    outcome: Outcome = "ok" if is_known else "unknown"
    yield replace(prune, arguments=arguments, outcome=outcome, answer=None)
