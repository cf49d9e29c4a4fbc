"""Whatever a real order explains is accepted; and aspects and search say the same of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.explained_histories import explained
from proofs.harness.checkers import CHECKERS, Evidence, Promises, check
from proofs.harness.checkers.linearizability import linearize
from proofs.harness.checkers.orders import board_model, board_operations, judge_orders
from proofs.harness.execution import Execution
from proofs.harness.history import History, Operation
from proofs.harness.verdict import violations

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
JUDGED_TWICE = frozenset(CHECKERS) - {"L1", "R1", "S0", "S8", "S11", "S17"}
"""What both speak of; S17 is part of what the search in order demands."""


@settings(max_examples=5_000 if IS_DEEP else 100)
@given(made=explained())
def test_what_an_order_explains_is_never_convicted(made: tuple[Execution, Promises]) -> None:
    verdicts = check(*made)
    assert not violations(verdicts), violations(verdicts)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[Execution, Promises]:
    """An execution in which the board said something else once or twice."""
    execution, promises = draw(explained())
    operations = list(execution.history.operations)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(operations) - 1))
        operations[place] = _spoiled(draw, operations[place])
    history = History(execution.history.posted, operations)
    return replace(execution, history=history), promises


def _spoiled(draw: st.DrawFn, operation: Operation) -> Operation:
    """The call with another answer."""
    answer: Any = operation.answer
    if operation.name in ("claim", "claim_next") and operation.outcome == "ok":
        task_id, token = draw(st.sampled_from(["t1", "t2"])), answer["token"]
        if operation.name == "claim":
            task_id = answer["task_id"]
        told = {"task_id": task_id, "token": max(1, token + draw(st.integers(-1, 1)))}
        nothing = replace(operation, outcome="refused", answer=None)
        return draw(st.sampled_from([replace(operation, answer=told), nothing]))
    if operation.name == "claim_next":
        return replace(operation, outcome="ok", answer={"task_id": "t1", "token": 9})
    if operation.name == "claim":
        told = {"task_id": operation.arguments["task_id"], "token": 9}
        return replace(operation, outcome="ok", answer=told)
    if operation.name == "prune":
        return replace(operation, outcome="ok", answer=draw(st.sampled_from([[], ["t1"], ["t2"]])))
    if isinstance(answer, list):
        return replace(operation, answer=answer[1:])
    if isinstance(answer, dict):
        status = draw(st.sampled_from(["PENDING", "CLAIMED", "COMPLETED", "CANCELLED"]))
        return replace(
            operation, answer=draw(st.sampled_from([None, {**answer, "status": status}]))
        )
    if operation.name == "get":
        return operation
    return replace(operation, outcome="refused" if operation.outcome == "ok" else "ok")


@settings(max_examples=5_000 if IS_DEEP else 100)
@given(made=spoiled())
def test_what_an_aspect_convicts_no_order_explains(made: tuple[Execution, Promises]) -> None:
    evidence = Evidence(*made)
    check(*made)  # raises Disagreement
    if any(
        evidence.may_go_on(o) for task_id in evidence.by_task for o in evidence.by_task[task_id]
    ):
        return
    convicted = [CHECKERS[name](evidence) for name in sorted(JUDGED_TWICE)]
    by_search = violations(judge_orders(evidence))
    assert by_search or not violations(convicted), violations(convicted)
    if CHECKERS["S17"](evidence).value == "violated":
        in_order = linearize(board_model(evidence, in_order=True), board_operations(evidence))
        assert in_order.value == "violated"
