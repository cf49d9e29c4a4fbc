"""Each checker convicts what breaks its invariant, and nothing that some real order explains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from proofs.harness.checkers import check
from proofs.harness.execution import Execution, run
from proofs.harness.history import History, Operation
from proofs.harness.interception import interception
from proofs.harness.verdict import violations
from strategies.programs import ASKS
from strategies.scenarios import START, PostedTask, Scenario, scenarios
from swarm.task_board import TaskBoard

LEASE_SECONDS = 3600.0


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
) -> Operation:
    """A call that took the effects from ``begin`` to ``end``, ``after`` seconds from the start."""
    arguments: dict[str, Any] = {} if task_id is None else {"task_id": task_id, "token": token}
    started, ended = START + after + begin * 1e-6, START + after + end * 1e-6
    times = (begin, end, started, ended)
    return Operation(agent, name, arguments, *times, outcome, answer, error)


def grant(
    agent: str, begin: int, end: int, token: int | None, task_id: str = "t1", after: float = 0.0
) -> Operation:
    """A search for work that found some."""
    answer = {"task_id": task_id, "token": token}
    return op(agent, "claim_next", begin, end, answer=answer, after=after)


def nothing(agent: str, begin: int, end: int, after: float = 0.0) -> Operation:
    """A search for work that found none."""
    return op(agent, "claim_next", begin, end, outcome="refused", after=after)


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


def convicted(made: Execution) -> set[str]:
    """The invariants that it violates."""
    return {verdict.invariant for verdict in violations(check(made))}


ACCEPTED = {
    "overlapping claims, one refused": execution(grant("a1", 0, 9, 1), nothing("a2", 1, 8)),
    "claimed again after a release": execution(
        grant("a1", 0, 2, 1), op("a1", "release", 3, 6, "t1", token=1), grant("a2", 4, 8, 2)
    ),
    "claimed again after a lapse": execution(
        grant("a1", 0, 2, 1), grant("a2", 3, 5, 2, after=LEASE_SECONDS)
    ),
    "none while the only task is held": execution(grant("a1", 0, 2, 1), nothing("a2", 3, 4)),
    "none while the only task may not have been released": execution(
        grant("a1", 0, 2, 1), op("a1", "release", 3, 9, "t1", token=1), nothing("a2", 4, 5)
    ),
    "completed once and refused once": execution(
        grant("a1", 0, 2, 1),
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 3, 7, "t1", outcome="refused"),
        final=[seen(status="COMPLETED", result={"by": "a1"})],
    ),
}

CONVICTED = {
    "S1 two grants": execution(grant("a1", 0, 5, 1), grant("a2", 1, 6, 2)),
    "S1 a return that came too early": execution(
        grant("a1", 0, 1, 1),
        op("a1", "release", 2, 3, "t1", token=1),
        grant("a1", 4, 6, 2),
        grant("a2", 5, 7, 3),
    ),
    "S2 one token twice": execution(
        grant("a1", 0, 2, 1), op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)
    ),
    "S2 a smaller token later": execution(
        grant("a1", 0, 2, 2), op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)
    ),
    "S8 a torn read": execution(
        op("a1", "get", 0, 1, "t1", outcome="unknown", error="JSONDecodeError: Expecting value")
    ),
    "S9 completed twice": execution(
        grant("a1", 0, 2, 1),
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 4, 7, "t1"),
    ),
    "S9 another's result": execution(
        grant("a1", 0, 2, 1),
        op("a1", "complete", 3, 6, "t1", token=1),
        final=[seen(status="COMPLETED", result={"by": "a2"})],
    ),
    "S13 none beside a free task": execution(
        grant("a1", 0, 9, 1),
        nothing("a2", 1, 8),
        tasks=(PostedTask("t1"), PostedTask("t2")),
    ),
    "S13 none after a lapse": execution(
        grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS)
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    assert not violations(check(ACCEPTED[name]))


@pytest.mark.parametrize("name", CONVICTED)
def test_what_no_order_explains_is_convicted(name: str) -> None:
    found = violations(check(CONVICTED[name]))
    assert name.split(maxsplit=1)[0] in {verdict.invariant for verdict in found}, found
    assert all(verdict.words for verdict in found)


@pytest.fixture(scope="module")
def doors() -> Iterator[None]:
    with interception():
        yield


@settings(max_examples=60)
@given(scenario=scenarios(names=[name for name in ASKS if name != "retry"]))
@pytest.mark.usefixtures("doors")
def test_no_execution_of_our_board_is_convicted(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "checked"
    made = run(scenario, lambda path: TaskBoard(path, durability="kill"), root)
    assert not violations(check(made)), scenario.to_json()
