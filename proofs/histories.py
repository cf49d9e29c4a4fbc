"""Histories written by hand, and the executions that would have recorded them."""

from __future__ import annotations

from typing import Any, Final

from proofs.harness.execution import Execution
from proofs.harness.history import History, Operation
from strategies.scenarios import START, PostedTask, Scenario

LEASE_SECONDS: Final = 3600.0


def op(
    agent: str,
    name: str,
    begin: int,
    end: int,
    task_id: str | None = None,
    *,
    token: int | None = None,
    outcome: Any = "ok",
    answer: Any = None,
    after: float = 0.0,
    error: str | None = None,
    **more: Any,
) -> Operation:
    """A call that took the effects from ``begin`` to ``end``, ``after`` seconds from the start.

    ``more`` are further arguments.
    """
    arguments = more if task_id is None else {"task_id": task_id, "token": token, **more}
    started, ended = START + after + begin * 1e-6, START + after + end * 1e-6
    times = (begin, end, started, ended)
    return Operation(agent, name, arguments, *times, outcome, answer, error)


def grant(
    agent: str,
    begin: int,
    end: int,
    token: int | None,
    task_id: str = "t1",
    after: float = 0.0,
    **more: Any,
) -> Operation:
    """A search for work that found some."""
    answer = {"task_id": task_id, "token": token}
    return op(agent, "claim_next", begin, end, answer=answer, after=after, **more)


def nothing(agent: str, begin: int, end: int, after: float = 0.0, **more: Any) -> Operation:
    """A search for work that found none."""
    return op(agent, "claim_next", begin, end, outcome="refused", after=after, **more)


def seen(task_id: str = "t1", status: str = "PENDING", **fields: Any) -> dict[str, Any]:
    """A task as a reader sees it."""
    return {"task_id": task_id, "status": status, **fields}


def execution(
    *operations: Operation,
    tasks: tuple[PostedTask, ...] = (PostedTask("t1"),),
    final: list[dict[str, Any]] | None = None,
    stuck: str | None = None,
    lacking: frozenset[str] = frozenset(),
    descriptors: dict[str, list[str]] | None = None,
) -> Execution:
    """What a run would have recorded."""
    ordered = sorted(operations, key=lambda operation: operation.invoked_at)
    history = History([task.to_json() for task in tasks], ordered)
    scenario = Scenario(tasks, ())
    return Execution(scenario, history, [], stuck, lacking, final, descriptors or {})


HELD: Final = seen(status="CLAIMED", claimed_by="a1")
DONE: Final = seen(status="COMPLETED", claimed_by="a1", result={"by": "a1", "of": "t1"})
CLAIMED: Final = grant("a1", 0, 2, 1)
TWO: Final = (PostedTask("t1"), PostedTask("t2"))
