"""The checkers by search: what no order of the operations explains, and which promise it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

from proofs.harness.checkers.board_model import BoardModel
from proofs.harness.checkers.claimability import places_of
from proofs.harness.checkers.evidence import (
    CHANGES,
    LISTINGS,
    Evidence,
    said,
    task_of,
)
from proofs.harness.checkers.linearizability import STEPS_MAX, Search, linearize
from proofs.harness.checkers.listings import is_of_type
from proofs.harness.checkers.task_model import RULES, TaskModel, state_of
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, unknown, violated

SPOKEN_OF: Final = frozenset({"S1", "S3", "S4", "S5", "S6", "S9", "S14", "S18"})
"""The invariants that the checkers by aspect judge too, by operations on one id."""


class Disagreement(Exception):
    """An aspect convicts what an order explains: one of the two checkers is wrong, not a board."""


def judge_orders(evidence: Evidence, *, steps_max: int = STEPS_MAX) -> list[Verdict]:
    """What is violated, or not known, as the search shows it; nothing where an order was found."""
    found: list[Verdict] = []
    for task_id in evidence.by_task:
        found += _judge_task(evidence, task_id, steps_max)
    return found or _judge_board(evidence, steps_max)


def agreed(evidence: Evidence, verdicts: list[Verdict], by_search: list[Verdict]) -> list[Verdict]:
    """The verdicts by aspect, if the search does not contradict them.

    Where it found an order for every task, nothing may be convicted. Raises ``Disagreement``,
    but where an operation raised, which the search may place at another time than an aspect:
    then it is not known.
    """
    convicted = [v for v in verdicts if v.invariant in SPOKEN_OF and v.value == "violated"]
    if not convicted or any(verdict.invariant != "S13" for verdict in by_search):
        return verdicts
    operations = (
        operation for task_id in evidence.by_task for operation in evidence.by_task[task_id]
    )
    if not any(evidence.may_go_on(operation) for operation in operations):
        raise Disagreement(f"an order explains what is convicted: {'; '.join(map(str, convicted))}")
    words = "what raised, and happened later, may explain it: "
    return [unknown(v.invariant, words + v.words) if v in convicted else v for v in verdicts]


def task_model(evidence: Evidence, task_id: str) -> TaskModel:
    """The model of one task of this execution."""
    start, types = state_of(evidence.posted.get(task_id)), evidence.types_of(task_id)
    return TaskModel(start, evidence.promises, types, evidence.alone, evidence.renewing)


def board_model(evidence: Evidence, *, in_order: bool = False) -> BoardModel:
    """The model of all tasks of this execution."""
    models = {task_id: task_model(evidence, task_id) for task_id in evidence.by_task}
    return BoardModel(models, places_of(evidence), in_order)


def task_operations(evidence: Evidence, task_id: str) -> list[Operation]:
    """What was done to a task, and each time it was seen, also in listings and at the end.

    And each look for work that passed it over, which may have ended it.
    """
    done = [
        operation
        for operation in evidence.by_task[task_id]
        if operation.name in CHANGES or operation.outcome == "ok"
    ]
    looks = _looks(evidence, task_id)
    return [*done, *looks, *_listed(evidence, task_id), *_left(evidence, task_id)]


def board_operations(evidence: Evidence) -> list[Operation]:
    """All changes and attempts at them, and each ``get``; of a ``prune`` its parts, but for those
    of which nobody knows whether they happened, and which nothing can tell.
    """
    whole = [
        operation
        for operation in evidence.operations
        if (operation.name in CHANGES - {"prune"} and not _may_have_missed(evidence, operation))
        or (operation.name == "get" and operation.outcome == "ok")
    ]
    parts = (operation for operations in evidence.by_task.values() for operation in operations)
    pruned = (part for part in parts if part.name == "prune")
    return [*whole, *(part for part in pruned if _can_be_told(part, whole))]


def _can_be_told(part: Operation, others: list[Operation]) -> bool:
    """Whether it surely put a task away, or somebody asks for that task when it may have."""
    return part.outcome == "ok" or any(
        task_of(one) == task_of(part) and not one.precedes(part) for one in others
    )


def _may_have_missed(evidence: Evidence, operation: Operation) -> bool:
    """Whether it found nothing, and could not read all that there was."""
    is_empty = operation.name == "claim_next" and operation.outcome == "refused"
    return is_empty and evidence.may_have_missed(operation)


def _judge_task(evidence: Evidence, task_id: str, steps_max: int) -> list[Verdict]:
    model, operations = task_model(evidence, task_id), task_operations(evidence, task_id)
    search = linearize(model, operations, steps_max=steps_max)
    if search.value == "holds":
        return []
    if search.value == "unknown":
        return [_spent(invariant, task_id, search) for invariant in sorted(SPOKEN_OF)]
    is_invented = not evidence.described.get(task_id)
    broken = ["S11"] if is_invented else _explanations(model, operations, steps_max)
    return [_convicted(rule, broken, task_id, operations, search) for rule in broken]


def _explanations(model: TaskModel, operations: list[Operation], steps_max: int) -> list[str]:
    """The rules without any one of which there is an order; else the first two together."""

    def explain(*rules: str) -> bool:
        without = replace(model, without=frozenset(rules))
        return linearize(without, operations, steps_max=steps_max).value == "holds"

    alone = [rule for rule in RULES if explain(rule)]
    pairs = (list(pair) for pair in combinations(RULES, 2) if explain(*pair))
    return alone or next(pairs, ["S6"])


def _convicted(
    rule: str, broken: list[str], task_id: str, operations: list[Operation], search: Search
) -> Verdict:
    stopped = f", stopped at {said(search.stopped_at)}" if search.stopped_at else ""
    breaking = " or ".join(broken)
    words = f"{task_id}: no order of its operations keeps all promises, only one without {breaking}"
    words += stopped
    concerned = [o for o in operations if o.name in CHANGES and o.outcome != "refused"]
    return violated(rule, words, *concerned)


def _spent(invariant: str, task_id: str, search: Search) -> Verdict:
    return unknown(invariant, f"{task_id}: no order was found in {search.steps} steps")


def _judge_board(evidence: Evidence, steps_max: int) -> list[Verdict]:
    """Each task alone has an order, so only an answer of None can be without one."""
    operations = board_operations(evidence)
    empty = [o for o in operations if o.name == "claim_next" and o.outcome == "refused"]
    if not empty:
        return []
    search = linearize(board_model(evidence), operations, steps_max=steps_max)
    if search.value == "holds":
        return []
    if search.value == "unknown":
        return [_spent("S13", "all tasks", search)]
    words = f"at each moment of a call that answered None a task was claimable: {_all(empty)}"
    return [violated("S13", words, *empty)]


def _all(operations: list[Operation]) -> str:
    return "; ".join(map(said, operations))


def _looks(evidence: Evidence, task_id: str) -> Iterator[Operation]:
    arguments = {"task_id": task_id}
    for operation in evidence.operations:
        is_look = operation.name == "claim_next" and operation.outcome != "unknown"
        if is_look and task_of(operation) != task_id:
            yield replace(operation, name="looks", arguments=arguments, answer=None)


def _listed(evidence: Evidence, task_id: str) -> Iterator[Operation]:
    for operation in evidence.operations:
        if operation.name in LISTINGS and operation.outcome == "ok":
            shown = [task for task in operation.answer if task["task_id"] == task_id]
            may_miss = evidence.may_have_missed(operation)
            may_miss = may_miss or is_of_type(evidence, task_id, operation) is not True
            is_missed = not shown and not may_miss
            for task in [None] if is_missed else shown:
                yield _sight(operation, task_id, task)


def _sight(operation: Operation, task_id: str, task: dict[str, Any] | None) -> Operation:
    arguments = {**operation.arguments, "task_id": task_id}
    return replace(operation, name="sees", arguments=arguments, answer=(operation.name, task))


def _left(evidence: Evidence, task_id: str) -> Iterator[Operation]:
    """What the board said of the task when all was over."""
    if evidence.final is None:
        return
    end = max((operation.returned_at for operation in evidence.operations), default=0)
    ended = max((operation.ended for operation in evidence.operations), default=0.0)
    answer = ("final", evidence.final.get(task_id))
    times = (end, end + 1, ended, ended)
    yield Operation("afterwards", "sees", {"task_id": task_id}, *times, "ok", answer)
