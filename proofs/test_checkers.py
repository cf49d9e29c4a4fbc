"""Each checker convicts what breaks its invariant, and nothing that some real order explains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.broken_boards import no_lock
from proofs.harness.checkers import CHECKERS, Disagreement, Evidence, Promises, check
from proofs.harness.checkers.orders import judge_orders
from proofs.harness.execution import Execution, run
from proofs.harness.history import History, Operation
from proofs.harness.interception import interception
from proofs.harness.model import BoardModel, ModelTask
from proofs.harness.verdict import violated, violations
from strategies.interleavings import Interleaving
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


HELD = seen(status="CLAIMED", claimed_by="a1")
DONE = seen(status="COMPLETED", claimed_by="a1", result={"by": "a1", "of": "t1"})
CLAIMED = grant("a1", 0, 2, 1)
TWO = (PostedTask("t1"), PostedTask("t2"))

ACCEPTED = {
    "nothing at all": execution(final=[seen()]),
    "overlapping claims, one refused": execution(grant("a1", 0, 9, 1), nothing("a2", 1, 8)),
    "claimed again after a release": execution(
        CLAIMED, op("a1", "release", 3, 6, "t1", token=1), grant("a2", 4, 8, 2)
    ),
    "claimed again after a lapse": execution(CLAIMED, grant("a2", 3, 5, 2, after=LEASE_SECONDS)),
    "none while the only task is held": execution(CLAIMED, nothing("a2", 3, 4)),
    "none while the only task may not have been released": execution(
        CLAIMED, op("a1", "release", 3, 9, "t1", token=1), nothing("a2", 4, 5)
    ),
    "completed once and refused once": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 3, 7, "t1", outcome="refused"),
        final=[DONE],
    ),
    "completed before a lapse and granted to nobody": execution(
        CLAIMED,
        op("a1", "complete", 3, 9, "t1", token=1),
        nothing("a2", 4, 5, after=2 * LEASE_SECONDS),
        final=[DONE],
    ),
    "a completion that raised and happened": execution(
        CLAIMED, op("a1", "complete", 3, 9, "t1", outcome="unknown", error="OSError"), final=[DONE]
    ),
    "a completion that raised and did not happen": execution(
        CLAIMED, op("a1", "complete", 3, 9, "t1", outcome="unknown", error="OSError"), final=[HELD]
    ),
    "a look for work that raised and claimed": execution(
        op("a1", "claim_next", 0, 2, outcome="unknown", error="OSError"),
        nothing("a2", 3, 4),
        final=[HELD],
    ),
    "a renewal or a cancellation, whichever came first": execution(
        CLAIMED,
        op("a1", "renew", 3, 7, "t1", token=1),
        op("a2", "cancel", 4, 6, "t1"),
        final=[seen(status="CANCELLED")],
    ),
    "a duplicate that was refused": execution(
        op("a1", "post", 0, 1, "t1", outcome="unknown", error="DuplicateTaskError: t1"),
        final=[seen()],
    ),
    "listings that saw what was before and after": execution(
        grant("a1", 0, 9, 1),
        op("a2", "list_all", 1, 2, answer=[HELD]),
        op("a3", "list_all", 3, 4, answer=[HELD]),
        op("a2", "get_pending", 5, 6, answer=[]),
    ),
    "a token that is not known": execution(
        op("a1", "claim", 0, 9, "t1", answer={"task_id": "t1", "token": None}),
        op("a3", "release", 2, 3, "t1"),
        grant("a2", 4, 5, 2),
    ),
    "states in words that are not ours": execution(CLAIMED, final=[seen(status="taken")]),
    "the end of a claim whose attempts are used up": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(5)),
        nothing("a1", 6, 7, after=6 * LEASE_SECONDS),
        final=[seen(status="FAILED", claimed_by="a1")],
    ),
}

CONVICTED = {
    "S0 a task never granted": execution(CLAIMED, nothing("a1", 3, 4), tasks=TWO),
    "S1 two grants": execution(grant("a1", 0, 5, 1), grant("a2", 1, 6, 2)),
    "S1 a return that came too early": execution(
        grant("a1", 0, 1, 1),
        op("a1", "release", 2, 3, "t1", token=1),
        grant("a1", 4, 6, 2),
        grant("a2", 5, 7, 3),
    ),
    "S2 one token twice": execution(CLAIMED, op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)),
    "S2 a smaller token later": execution(
        grant("a1", 0, 2, 2), op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)
    ),
    "S3 two owners": execution(grant("a1", 0, 5, 1), grant("a2", 6, 7, 2)),
    "S4 taken over though renewed": execution(
        CLAIMED,
        op("a1", "renew", 3, 4, "t1", token=1, after=LEASE_SECONDS - 1),
        grant("a2", 5, 6, 2, after=LEASE_SECONDS),
    ),
    "S5 a completion after another grant": execution(
        CLAIMED,
        grant("a2", 3, 4, 2, after=LEASE_SECONDS),
        op("a1", "complete", 5, 6, "t1", token=1, after=LEASE_SECONDS),
    ),
    "S5 a release that took the task from another": execution(
        CLAIMED,
        op("a1", "release", 3, 9, "t1", token=1, after=LEASE_SECONDS),
        grant("a2", 4, 5, 2, after=LEASE_SECONDS),
        op("a2", "get", 6, 7, "t1", answer=seen(status="CLAIMED", claimed_by="a2")),
        final=[seen()],
    ),
    "S6 two posts of one id": execution(
        op("a1", "post", 0, 5, "n1"), op("a2", "post", 1, 6, "n1"), final=[seen(), seen("n1")]
    ),
    "S6 a claim that does not show": execution(CLAIMED, final=[seen()]),
    "S7 a task that is gone": execution(op("a1", "post", 0, 1, "n1"), final=[seen()]),
    "S7 a task that get does not find": execution(op("a1", "get", 0, 1, "t1")),
    "S8 a torn read": execution(
        op("a1", "get", 0, 1, "t1", outcome="unknown", error="JSONDecodeError: Expecting value")
    ),
    "S8 a reader that fails": execution(
        op("a1", "get", 0, 1, "t1", outcome="unknown", error="FileNotFoundError: t1.json")
    ),
    "S9 completed twice": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 4, 7, "t1"),
    ),
    "S9 another's result": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        final=[seen(status="COMPLETED", result={"by": "a2", "of": "t1"})],
    ),
    "S10 refused and held": execution(nothing("a1", 0, 5), final=[HELD]),
    "S10 refused for no reason": execution(op("a1", "claim", 0, 5, "t1", outcome="refused")),
    "S11 a file that is no task": execution(
        op("a1", "list_all", 0, 1, answer=[seen(), seen("t1.new")])
    ),
    "S11 a task shown twice": execution(final=[seen(), seen()]),
    "S13 none beside a free task": execution(grant("a1", 0, 9, 1), nothing("a2", 1, 8), tasks=TWO),
    "S13 none after a lapse": execution(
        grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS)
    ),
    "S13 none while now this and now that task was free": execution(
        grant("a1", 0, 1, 1, "t2"),
        nothing("a2", 2, 20),
        op("a1", "release", 3, 4, "t2", token=1),
        op("a1", "get", 5, 6, "t2", answer=seen("t2")),
        grant("a1", 7, 8, 1),
        tasks=TWO,
    ),
    "S14 cancelled and completed": execution(
        CLAIMED,
        op("a1", "complete", 3, 9, "t1", token=1),
        op("a2", "cancel", 4, 8, "t1"),
    ),
    "S14 cancelled and held in the end": execution(
        CLAIMED, op("a2", "cancel", 1, 8, "t1"), final=[HELD]
    ),
    "S16 a task left out": execution(op("a1", "list_all", 0, 1, answer=[])),
    "S16 a state it was not in": execution(
        op("a2", "list_all", 0, 1, answer=[HELD]), grant("a1", 3, 4, 1)
    ),
    "S16 a listing that fails": execution(
        op("a1", "list_all", 0, 1, outcome="unknown", error="FileNotFoundError: t1.json")
    ),
    "S17 the second before the first": execution(grant("a1", 0, 1, 1, "t2"), tasks=TWO),
    "L1 a run that got stuck": execution(stuck="nobody can go on: a1 before flock"),
    "R1 a descriptor": execution(descriptors={"a1": [".board.lock"], "a2": []}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    assert not violations(check(ACCEPTED[name]))


@pytest.mark.parametrize("name", CONVICTED)
def test_what_no_order_explains_is_convicted(name: str) -> None:
    found = violations(check(CONVICTED[name]))
    assert name.split(maxsplit=1)[0] in {verdict.invariant for verdict in found}, found
    assert all(verdict.words for verdict in found)


@settings(max_examples=300)
@given(data=st.data(), length=st.integers(1, 25))
def test_what_the_plain_model_does_one_call_after_the_other_is_accepted(
    data: st.DataObject, length: int
) -> None:
    model = BoardModel({name: ModelTask("CODE_ANALYSIS", 5, START) for name in ("t1", "t2")})
    names = st.sampled_from(["claim_next", "claim_next", "advance", "get", *_CHANGES])
    operations, after = [], 0.0
    for number in range(length):
        name, agent = data.draw(names), data.draw(st.sampled_from(["a1", "a2"]))
        if name == "advance":
            after += data.draw(st.sampled_from([1.0, LEASE_SECONDS]))
            continue
        task_id = data.draw(st.sampled_from(["t1", "t2"]))
        token = data.draw(st.one_of(st.none(), st.integers(1, 4))) if name in _CHANGES else None
        call = op(agent, name, 2 * number, 2 * number + 1, task_id, token=token, after=after)
        operations.append(_asked(model, call))
    final = [_fields(model, task_id) for task_id in model.tasks]
    made = execution(*operations, tasks=TWO, final=final)
    assert not violations(check(made, Promises(attempts_max=None)))


_CHANGES = ("start", "renew", "complete", "fail", "retry", "release", "cancel")


def _asked(model: BoardModel, call: Operation) -> Operation:
    """The call with the model's answer."""
    task_id, token = call.arguments["task_id"], call.arguments["token"]
    if call.name == "get":
        return replace(call, answer=_fields(model, task_id))
    if call.name in _CHANGES:
        value = {"by": call.agent, "of": task_id} if call.name == "complete" else "failed"
        done = model.change(call.name, task_id, token, call.started, value)
        return replace(call, outcome="ok" if done else "refused")
    found = next(model.claimable(call.started), None)
    if found is None:
        return replace(call, arguments={}, outcome="refused")
    token = model.largest_tokens.get(found[0], 0) + 1
    model.grant(found[0], call.agent, call.started, LEASE_SECONDS, token)
    return replace(call, arguments={}, answer={"task_id": found[0], "token": token})


def _fields(model: BoardModel, task_id: str) -> dict[str, Any]:
    task = model.tasks[task_id]
    return seen(task_id, task.status, claimed_by=task.claimed_by, result=task.result)


def test_each_invariant_that_can_be_judged_is_seen_violated() -> None:
    shown = {name.split(maxsplit=1)[0] for name in CONVICTED}
    assert shown == set(CHECKERS) - {"S18"}


def test_what_a_board_lacks_or_does_not_promise_is_not_applicable() -> None:
    lacking = frozenset({"complete", "claim_next", "list_all", "get_pending", "get"})
    without = execution(grant("a1", 0, 5, None), grant("a2", 1, 6, None), lacking=lacking)
    values = {verdict.invariant: verdict.value for verdict in check(without)}
    for invariant in ("S0", "S2", "S5", "S7", "S9", "S13", "S16", "S17", "S18"):
        assert values[invariant] == "not applicable", invariant
    assert values["S1"] == "violated"
    promised = Promises(invariants=frozenset({"S2"}))
    assert not violations(check(without, promised))


def test_a_board_tells_what_it_promises_in_a_dict() -> None:
    def told(_: str) -> None: ...

    assert Promises.of(told) == Promises()
    told.promises = {"lease_seconds": None, "invariants": ["S1"], "order": "any"}  # type: ignore[attr-defined]
    assert Promises.of(told) == Promises(frozenset({"S1"}), math.inf, 5, "any")


def test_a_claim_that_never_lapses_is_not_free_again_after_any_time() -> None:
    made = execution(grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS))
    assert not violations(check(made, Promises(lease_seconds=math.inf)))


def test_a_run_that_got_stuck_is_judged_for_that_alone() -> None:
    verdicts = check(execution(grant("a1", 0, 5, 1), grant("a2", 1, 6, 1), stuck="nobody can"))
    assert {verdict.value for verdict in verdicts} == {"violated", "unknown"}
    assert [verdict.invariant for verdict in violations(verdicts)] == ["L1"]


def test_an_aspect_that_convicts_what_an_order_explains_is_our_own_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = violated("S1", "a checker that is wrong")
    monkeypatch.setitem(CHECKERS, "S1", lambda _: wrong)
    with pytest.raises(Disagreement, match="a checker that is wrong"):
        check(execution(CLAIMED))


def test_what_an_operation_that_raised_may_explain_is_not_convicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHECKERS, "S1", lambda _: violated("S1", "a checker that is wrong"))
    raised = op("a2", "cancel", 0, 1, "t1", outcome="unknown", error="OSError")
    values = {verdict.invariant: verdict.value for verdict in check(execution(CLAIMED, raised))}
    assert values["S1"] == "unknown"


def test_a_token_below_one_that_was_known_is_superseded_by_one_that_is_not() -> None:
    late = op("a1", "claim", 20, 29, "t1", answer={"task_id": "t1", "token": None})
    made = execution(
        CLAIMED,
        op("a1", "release", 3, 4, "t1", token=1),
        grant("a2", 5, 6, 2),
        op("a2", "release", 7, 8, "t1", token=2),
        late,
        op("a2", "release", 21, 22, "t1"),
        grant("a2", 23, 24, 4),
        op("a1", "release", 30, 31, "t1", token=1),
    )
    assert "S5" in {verdict.invariant for verdict in violations(check(made))}


def test_a_search_that_is_spent_says_unknown_and_convicts_nobody() -> None:
    evidence = Evidence(execution(CLAIMED, op("a1", "complete", 3, 6, "t1", token=1)))
    found = judge_orders(evidence, steps_max=1)
    assert {verdict.value for verdict in found} == {"unknown"}


@pytest.fixture(scope="module")
def doors() -> Iterator[None]:
    with interception():
        yield


@settings(max_examples=100)
@given(scenario=scenarios())
@pytest.mark.usefixtures("doors")
def test_no_execution_of_our_board_is_convicted(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "checked"
    made = run(scenario, lambda path: TaskBoard(path, durability="kill"), root)
    assert not violations(check(made)), scenario.to_json()


# Claims, completions and lapses that run into each other where no lock keeps them apart.
_RACES = ("claim_next", "claim", "complete", "release", "renew", "cancel", "advance", "list_all")


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
@pytest.mark.usefixtures("doors")
def test_aspects_and_search_agree_on_a_board_without_a_lock(
    seed: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scenario = data.draw(scenarios(tasks_max=1, names=_RACES))
    walk = replace(scenario, interleaving=Interleaving(kind="walk", seed=seed))
    check(run(walk, no_lock.Board, tmp_path_factory.getbasetemp() / "races"))
