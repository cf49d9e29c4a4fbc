"""What damage to files did to the board: S12, and what all other judges are to leave out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from proofs.harness.checkers.claimability import is_claimable_throughout
from proofs.harness.checkers.evidence import GRANTS, LISTINGS, Evidence, said, status_of, task_of
from proofs.harness.damaging import Damaged
from proofs.harness.execution import Execution
from proofs.harness.history import History, Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated


def contained(evidence: Evidence) -> Verdict:
    """S12: damage stops nobody, is never granted nor shown as a task, and its bytes are kept.

    That it changes nothing for the other tasks is judged by all the others, on ``undamaged``.
    ``evidence`` is of the whole execution. What is no damage to the board's own eyes, as its files
    are not in our format, may be granted.
    """
    execution = evidence.execution
    if not execution.damaged:
        return not_applicable("S12", "nothing was damaged")
    told = "; ".join(str(done.damage) for done in execution.damaged)
    rest = Evidence(undamaged(execution), evidence.promises)
    by_call = {(one.agent, one.invoked_at): one for one in evidence.operations}
    for operation in rest.operations:
        if _is_stopped(rest, operation):
            stopped = by_call[operation.agent, operation.invoked_at]
            return violated("S12", f"damage to {told} stopped {said(stopped)}", stopped)
    for done in filter(lambda done: done.is_damage, execution.damaged):
        for operation in evidence.operations:
            if _takes_it_for_a_task(evidence, done, operation):
                words = f"after damage to {done.damage} {said(operation)}"
                return violated("S12", words, operation)
        if done in execution.lost:
            words = f"the bytes that damage to {done.damage} left are gone, and with them the task"
            return violated("S12", words)
    return holds("S12")


def undamaged(execution: Execution) -> Execution:
    """The same without the tasks whose files were damaged: what was asked and told of the others.

    What raised, raised; by which name says nothing of files seen half-written.
    """
    ids = {task_id for done in execution.damaged for task_id in done.tasks}
    history = execution.history
    posted = [task for task in history.posted if task["task_id"] not in ids]
    asked = (operation for operation in history.operations if task_of(operation) not in ids)
    operations = [_without(operation, ids) for operation in asked]
    final = None if execution.final is None else _others(execution.final, ids)
    return replace(execution, history=History(posted, operations), final=final)


def _is_stopped(rest: Evidence, operation: Operation) -> bool:
    """Whether it raised, and nothing else that could be the reason was there.

    Of operations by id nobody knows how they refuse; nor of a look for work without any work.
    """
    raised = operation.error or ""
    if not raised or "Timeout" in raised or rest.execution.scenario.faults:
        return False
    if operation.name in LISTINGS or operation.name == "open":
        return True
    return operation.name == "claim_next" and any(
        is_claimable_throughout(rest, task_id, operation) and rest.is_able(operation, task_id)
        for task_id in rest.posted
    )


def _takes_it_for_a_task(evidence: Evidence, done: Damaged, operation: Operation) -> bool:
    """Whether it was granted or shown; unless it was posted anew, once it had been put away."""
    if operation.outcome != "ok" or any(
        post.name == "post" and task_of(post) in done.tasks and evidence.may_change(post)
        for post in evidence.operations
    ):
        return False
    if operation.name in GRANTS:
        return task_of(operation) in done.tasks
    if operation.name == "get":
        shown = [operation.answer] if operation.answer else []
    else:
        shown = operation.answer if operation.name in LISTINGS else []
    return any(task["task_id"] in done.tasks and status_of(task) is not None for task in shown)


def _without(operation: Operation, ids: Collection[str]) -> Operation:
    error = operation.error and ("Timeout" if "Timeout" in operation.error else "Error")
    if operation.outcome != "ok" or operation.answer is None:
        return replace(operation, error=error)
    if operation.name in LISTINGS:
        return replace(operation, answer=_others(operation.answer, ids), error=error)
    if operation.name == "prune":
        return replace(operation, answer=[one for one in operation.answer if one not in ids])
    return operation


def _others(tasks: list[dict[str, Any]], ids: Collection[str]) -> list[dict[str, Any]]:
    return [task for task in tasks if task["task_id"] not in ids]
