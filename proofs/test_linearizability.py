"""The search finds an order where there is one, and only there; brute force says the same."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from proofs.harness.checkers import Evidence
from proofs.harness.checkers.board_model import BoardModel
from proofs.harness.checkers.linearizability import Model, Search, linearize
from proofs.harness.checkers.orders import board_model, board_operations
from proofs.harness.checkers.promises import PROMISES
from proofs.harness.checkers.task_model import TaskModel
from proofs.harness.execution import run
from proofs.harness.history import Operation, Outcome
from strategies.scenarios import Scenario, scenarios
from swarm.task_board import TaskBoard


def op(
    agent: str,
    name: str,
    begin: int,
    end: int,
    answer: Any = None,
    *,
    outcome: Outcome = "ok",
    **arguments: Any,
) -> Operation:
    """A call from one effect to another."""
    return Operation(agent, name, arguments, begin, end, begin, end, outcome, answer)


@dataclass(frozen=True)
class Register:
    """One value: "write" sets it, "read" answers it."""

    def init(self) -> int:
        return 0

    def step(self, state: int, operation: Operation) -> Iterable[int] | None:
        if operation.name == "write":
            return [operation.arguments["value"]]
        return [state] if operation.answer == state else None


class Registers(Register):
    """A register for each key, which has nothing to do with any other."""

    def partition(self, operations: Sequence[Operation]) -> list[list[Operation]]:
        keys = sorted({operation.arguments["key"] for operation in operations})
        return [[o for o in operations if o.arguments["key"] == key] for key in keys]


class Queue:
    """First in, first out: "put" a value, "take" the oldest, or None."""

    def init(self) -> tuple[int, ...]:
        return ()

    def step(self, state: tuple[int, ...], operation: Operation) -> Iterable[Any]:
        if operation.name == "put":
            return [(*state, operation.arguments["value"])]
        if not state:
            return [] if operation.answer is not None else [state]
        return [state[1:]] if operation.answer == state[0] else []


class Coin:
    """Falls on either side, unseen; "look" tells which."""

    def init(self) -> str:
        return "none"

    def step(self, state: str, operation: Operation) -> Iterable[str]:
        if operation.name == "toss":
            return ["heads", "tails"]
        return [state] if operation.answer == state else []


@dataclass(frozen=True)
class Barrier:
    """Nobody gets past "arrive" before ``size`` did, each then with the same "round".

    Its state is a set of names within a tuple, and what a call leads to is made lazily; a refusal
    is allowed by the answer "broken" alone.
    """

    size: int

    def init(self) -> tuple[int, frozenset[str]]:
        return (0, frozenset())

    def step(
        self, state: tuple[int, frozenset[str]], operation: Operation
    ) -> Iterator[tuple[int, frozenset[str]]] | None:
        if operation.outcome == "refused":
            return iter([state]) if operation.answer == "broken" else None
        return self._arrived(*state, operation)

    def _arrived(
        self, number: int, waiting: frozenset[str], operation: Operation
    ) -> Iterator[tuple[int, frozenset[str]]]:
        if operation.outcome == "unknown" or operation.answer == number:
            full = len(waiting) + 1 == self.size
            yield (number + 1, frozenset()) if full else (number, waiting | {operation.agent})


def write(agent: str, value: int, begin: int, end: int, outcome: Outcome = "ok") -> Operation:
    return op(agent, "write", begin, end, outcome=outcome, value=value)


def read(agent: str, value: int, begin: int, end: int) -> Operation:
    return op(agent, "read", begin, end, value)


def value_of(model: Model, *operations: Operation) -> str:
    return linearize(model, operations).value


def test_a_read_beside_a_write_may_see_either_value() -> None:
    assert value_of(Register(), write("a1", 1, 0, 9), read("a2", 0, 1, 8)) == "holds"
    assert value_of(Register(), write("a1", 1, 0, 9), read("a2", 1, 1, 8)) == "holds"


def test_a_read_after_a_write_may_not_see_the_old_value() -> None:
    found = linearize(Register(), [write("a1", 1, 0, 2), read("a2", 0, 2, 3)])
    assert found.value == "violated"
    assert found.stopped_at == read("a2", 0, 2, 3)


def test_two_reads_may_not_see_a_value_come_and_go() -> None:
    operations = [write("a1", 1, 0, 9), read("a2", 1, 1, 2), read("a2", 0, 3, 4)]
    assert value_of(Register(), *operations) == "violated"


def test_any_model_is_searched_whatever_its_states_and_refusals_are() -> None:
    arrivals = [op(f"a{n}", "arrive", n, 9, 0) for n in range(3)]
    later = op("a0", "arrive", 10, 11, 1)
    assert value_of(Barrier(3), *arrivals, later) == "holds"
    assert value_of(Barrier(4), *arrivals, later) == "violated"
    raised = op("a3", "arrive", 4, 5, outcome="unknown")
    assert value_of(Barrier(4), *arrivals, raised, later) == "holds"
    refused = op("a4", "arrive", 4, 5, "broken", outcome="refused")
    assert value_of(Barrier(3), *arrivals, refused, later) == "holds"
    assert value_of(Barrier(3), *arrivals, replace(refused, answer="late"), later) == "violated"


def test_a_queue_that_gives_a_value_out_twice_is_convicted() -> None:
    operations = [
        op("a1", "put", 0, 1, value=1),
        op("a1", "take", 2, 9, 1),
        op("a2", "take", 3, 8, 1),
    ]
    assert value_of(Queue(), *operations) == "violated"
    assert value_of(Queue(), *operations[:2], op("a2", "take", 3, 8)) == "holds"


def test_a_queue_that_forgets_the_order_is_convicted() -> None:
    puts = [op("a1", "put", 0, 1, value=1), op("a1", "put", 2, 3, value=2)]
    assert value_of(Queue(), *puts, op("a2", "take", 4, 5, 2)) == "violated"
    beside = [op("a1", "put", 0, 3, value=1), op("a2", "put", 1, 2, value=2)]
    assert value_of(Queue(), *beside, op("a2", "take", 4, 5, 2)) == "holds"


def test_what_raised_may_have_happened_at_any_time_after_or_never() -> None:
    maybe = write("a1", 1, 0, 2, "unknown")
    assert value_of(Register(), maybe, read("a2", 0, 3, 4)) == "holds"
    assert value_of(Register(), maybe, read("a2", 1, 3, 4)) == "holds"
    assert value_of(Register(), maybe, read("a2", 0, 3, 4), read("a2", 1, 5, 6)) == "holds"
    assert value_of(Register(), maybe, read("a2", 1, 3, 4), read("a2", 0, 5, 6)) == "violated"
    early = write("a1", 1, 4, 5, "unknown")
    assert value_of(Register(), early, read("a2", 1, 1, 2)) == "violated"


def test_an_operation_with_several_results_is_followed_into_each() -> None:
    toss = op("a1", "toss", 0, 1)
    for side in ("heads", "tails"):
        assert value_of(Coin(), toss, op("a2", "look", 2, 3, side)) == "holds"
    looks = [op("a2", "look", 2, 3, "heads"), op("a2", "look", 4, 5, "tails")]
    assert value_of(Coin(), toss, *looks) == "violated"


def test_what_concerns_each_other_in_nothing_is_judged_apart() -> None:
    operations = [op(f"a{n}", "write", 0, 99, key=n, value=n) for n in range(14)]
    reads = [op(f"a{n}", "read", 100, 101, n, key=n) for n in range(14)]
    apart = linearize(Registers(), [*operations, *reads])
    assert (apart.value, apart.steps) == ("holds", 28)
    wrong = op("a3", "read", 102, 103, 4, key=3)
    assert linearize(Registers(), [*operations, *reads, wrong]).stopped_at == wrong


def test_a_search_that_has_spent_its_steps_says_so() -> None:
    operations = [write(f"a{n}", n, 0, 99) for n in range(12)]
    missing = read("a0", -1, 100, 101)
    assert linearize(Register(), [*operations, missing], steps_max=1000).value == "unknown"
    assert linearize(Register(), [*operations[:4], missing], steps_max=1000).value == "violated"


def test_a_long_history_costs_no_more_than_what_overlaps_in_it() -> None:
    operations = []
    for number in range(2000):
        operations.append(write("a1", number, 10 * number, 10 * number + 5))
        operations.append(read("a2", number, 10 * number + 1, 10 * number + 9))
    found = linearize(Register(), operations)
    assert found.value == "holds"
    assert found.steps <= 3 * len(operations)


def test_what_is_put_away_meanwhile_costs_no_more_than_there_is_of_it() -> None:
    """Each of twelve may be away or not when any other call looks: not all of these are tried."""
    ids = [f"t{number}" for number in range(12)]
    ended = [op("a1", "cancel", at, at + 1, task_id=one) for at, one in enumerate(ids)]
    away = [op("a1", "prune", 100, 900, task_id=one) for one in ids]
    looks = [op("a2", "claim_next", at, at + 5, outcome="refused") for at in range(200, 800, 10)]
    model = BoardModel({task_id: TaskModel() for task_id in ids}, {})
    found = linearize(model, [*ended, *away, *looks])
    assert found.value == "holds" and found.steps < 500
    again = op("a3", "post", 850, 860, task_id="t3")
    assert linearize(model, [*ended, *away, *looks, again]).value == "holds"
    assert linearize(model, [*ended, *away[:3], *away[4:], again]).value == "violated"


def by_brute_force(model: Model, operations: Sequence[Operation]) -> bool:
    """Whether any order at all, of all that is known and any of what is not, is allowed."""
    known = [operation for operation in operations if operation.outcome != "unknown"]
    maybe = [operation for operation in operations if operation.outcome == "unknown"]
    return any(
        is_true_to_time(order) and is_allowed(model, order)
        for happened in range(len(maybe) + 1)
        for chosen in itertools.combinations(maybe, happened)
        for order in itertools.permutations([*known, *chosen])
    )


def is_true_to_time(order: Sequence[Operation]) -> bool:
    return not any(
        later.outcome != "unknown" and later.precedes(earlier)
        for earlier, later in itertools.combinations(order, 2)
    )


def is_allowed(model: Model, order: Sequence[Operation]) -> bool:
    states: set[Hashable] = {model.init()}
    for operation in order:
        states = {after for state in states for after in model.step(state, operation) or ()}
    return bool(states)


@st.composite
def times(draw: st.DrawFn, agents: int = 3, each: int = 2) -> list[tuple[str, int, int]]:
    """Who calls from when until when; the calls of one agent come one after the other."""
    found = []
    for number in range(agents):
        moments = sorted(
            draw(st.lists(st.integers(0, 15), min_size=2, max_size=2 * each, unique=True))
        )
        pairs = zip(moments[::2], moments[1::2], strict=False)
        found += [(f"a{number}", begin, end) for begin, end in pairs]
    return sorted(found, key=lambda call: call[1])


@settings(max_examples=300)
@given(calls=times(), data=st.data())
def test_the_search_finds_an_order_of_reads_and_writes_where_brute_force_does(
    calls: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    outcomes: st.SearchStrategy[Outcome] = st.sampled_from(["ok", "ok", "unknown"])
    operations = [
        write(agent, data.draw(st.integers(0, 2)), begin, end, data.draw(outcomes))
        if data.draw(st.booleans())
        else read(agent, data.draw(st.integers(0, 2)), begin, end)
        for agent, begin, end in calls
    ]
    agree(Register(), operations)


@settings(max_examples=300)
@given(calls=times(), data=st.data())
def test_the_search_finds_an_order_of_a_tasks_operations_where_brute_force_does(
    calls: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    names = st.sampled_from(
        ["claim", "claim", "release", "complete", "cancel", "start", "requeue", "prune", "post"]
    )
    outcomes: st.SearchStrategy[Outcome]
    outcomes = st.sampled_from(["ok", "ok", "ok", "refused", "unknown"])
    operations = [
        op(agent, data.draw(names), begin, end, outcome=data.draw(outcomes), task_id="t1")
        for agent, begin, end in calls
    ]
    agree(TaskModel(), operations)


_SEEN = [{"status": status} for status in ("PENDING", "CLAIMED", "COMPLETED")]
_OF_TWO = ("claim", "complete", "cancel", "prune", "post", "claim_next", "claim_next", "get")


@settings(max_examples=400)
@given(calls=times(), data=st.data())
def test_the_search_finds_an_order_of_all_tasks_where_brute_force_does(
    calls: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Where it is known what needs what, so that some of what is pending comes later.

    Clocks may be apart, and claims lapse and are ended by whoever looks for work.
    """
    skews = {f"a{number}": data.draw(st.sampled_from([0, 0, 40])) for number in range(3)}
    few = data.draw(st.booleans())
    promises = replace(PROMISES, attempts_max=1, lease_seconds=20.0) if few else PROMISES
    outcomes: st.SearchStrategy[Outcome]
    outcomes = st.sampled_from(["ok", "ok", "ok", "refused", "unknown"])
    ids = ("t1", "t2")
    operations = []
    for agent, begin, end in calls:
        name, outcome = data.draw(st.sampled_from(_OF_TWO)), data.draw(outcomes)
        task_id = data.draw(st.sampled_from(ids))
        if name == "claim_next":
            answer = {"task_id": task_id, "token": None} if outcome == "ok" else None
            found = op(agent, name, begin, end, answer, outcome=outcome)
        else:
            seen = data.draw(st.sampled_from([None, *_SEEN])) if name == "get" else None
            outcome = "ok" if name == "get" else outcome
            found = op(agent, name, begin, end, seen, outcome=outcome, task_id=task_id)
        clock = begin + skews[agent], end + skews[agent]
        operations.append(replace(found, started=clock[0], ended=clock[1]))
    model = BoardModel({task_id: TaskModel(promises=promises) for task_id in ids}, {})
    event(f"{linearize(model, operations).value}")
    agree(model, operations)


def agree(model: Model, operations: list[Operation]) -> None:
    found: Search = linearize(model, operations)
    assert (found.value == "holds") == by_brute_force(model, operations), operations


_NAMES = ("claim", "start", "renew", "release", "cancel", "fail", "requeue", "prune", "post")


@settings(max_examples=300)
@given(data=st.data(), length=st.integers(1, 20))
def test_what_the_model_itself_does_is_accepted(data: st.DataObject, length: int) -> None:
    model, state, operations = TaskModel(), TaskModel().init(), []
    for number in range(length):
        name = data.draw(st.sampled_from(_NAMES))
        begin = 4000 * number
        call = op(f"a{number % 3}", name, begin, begin + 1, task_id="t1")
        after = model.step(state, call)
        outcome: Outcome = "ok" if after else "refused"
        operations.append(op(call.agent, name, begin, begin + 1, outcome=outcome, task_id="t1"))
        state = data.draw(st.sampled_from(after)) if after else state
    assert linearize(model, operations).value == "holds"


@settings(max_examples=60)
@given(scenario=scenarios())
@pytest.mark.usefixtures("open_doors")
def test_our_board_grants_in_order_at_one_moment_of_each_call(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "linearized"
    made = Evidence(run(scenario, lambda path: TaskBoard(path, durability="kill"), root))
    found = linearize(board_model(made, in_order=True), board_operations(made))
    assert found.value == "holds", (scenario.to_json(), found.stopped_at)
