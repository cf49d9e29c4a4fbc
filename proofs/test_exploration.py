"""What is left out of an exploration is only what was run already, in another guise.

Compared with every single interleaving, within the same bound: the same orders of conflicting
effects, the same answers, the same violations.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from proofs.harness.checkers import Promises, check
from proofs.harness.clock import SharedTime
from proofs.harness.conflicts import order_of_conflicts
from proofs.harness.execution import Execution, scheduler_of
from proofs.harness.exhaustive import explore
from proofs.harness.gates import Gates
from proofs.harness.history import History
from proofs.harness.threads import StuckError, ThreadGate
from proofs.harness.trace import Step
from proofs.harness.turns import joined
from proofs.harness.verdict import violations
from proofs.planted_bugs import INTERLEAVED, board_of, gate_of, name_of, smallest
from proofs.test_broken_boards import IS_DEEP
from strategies.interleavings import Interleaving
from strategies.scenarios import START, Scenario

pytestmark = pytest.mark.usefixtures("open_doors")

Run = Callable[[Scenario], Execution]

TELLING = (
    *("complete_without_rereading", "listing_trips_over_a_moved_file"),
    *("lock_file_unlinked", "write_in_place"),
)


def every_interleaving(
    scenario: Scenario, run_one: Run, bound: int, last: str = ""
) -> Iterator[Execution]:
    """All of them, one by one: by definition, and slowly. The agent ``last`` is never preferred."""
    todo: list[tuple[str, ...]] = [()]
    while todo:
        begun = todo.pop()
        execution = run_one(with_turns(scenario, begun))
        agents = tuple(step.agent for step in execution.trace)
        if agents[: len(begun)] != begun:
            continue  # who was to go on could not
        yield execution
        for number in range(len(begun), len(agents)):
            for other in scenario.agents:
                if other in (agents[number], last):
                    continue
                spent = preempted(execution.trace, number, other)
                if spent <= bound:
                    todo.append((*agents[:number], other))


def preempted(trace: Sequence[Step], number: int, other: str) -> int:
    """The preemptions, up to there, of a run that goes on with another agent before this step."""
    last = {step.agent: at for at, step in enumerate(trace)}
    agents = [*(step.agent for step in trace[:number]), other]
    return sum(
        agents[at] != agents[at + 1] and last[agents[at]] > at and not trace[at].waits
        for at in range(number)
    )


def with_turns(scenario: Scenario, agents: Sequence[str]) -> Scenario:
    turns = joined([(agent, 1) for agent in agents])
    return Scenario(scenario.tasks, scenario.programs, Interleaving(kind="turns", turns=turns))


class Mover:
    """An agent that does what it is told, and remembers what it saw."""

    def __init__(self, root: Path, name: str, moves: Sequence[str]) -> None:
        self.seen: list[object] = []
        self._root = root
        self._name = name
        self._moves = moves
        self._held: int | None = None

    def __call__(self) -> None:
        for move in self._moves:
            kind, *names = move.split()
            try:
                getattr(self, kind)(*(str(self._root / name) for name in names))
            except OSError as error:
                self.seen.append(type(error).__name__)
        self.unlock()

    def read(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        self.seen.append(os.read(descriptor, 100))
        os.close(descriptor)

    def write(self, path: str, flags: int = os.O_TRUNC) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags)
        os.write(descriptor, self._name.encode())
        os.close(descriptor)

    def append(self, path: str) -> None:
        self.write(path, os.O_APPEND)

    def move(self, source: str, target: str) -> None:
        os.replace(source, target)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def list(self) -> None:
        self.seen.append(sorted(os.listdir(self._root)))

    def stat(self, path: str) -> None:
        self.seen.append(os.stat(path).st_size)

    def lock(self, how: int = fcntl.LOCK_EX) -> None:
        if self._held is None:
            descriptor = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                os.close(descriptor)
                raise
            self._held = descriptor

    def lock_or_not(self) -> None:
        self.lock(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def sleep(self) -> None:
        time.sleep(1)

    def rest(self) -> None:
        time.sleep(2)  # which no change ends


def run_movers(scenario: Scenario, moves: dict[str, list[str]], root: Path) -> Execution:
    """What movers do, and as the final listing what each saw and what is left."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    (root / "a").write_text("0")
    movers = {name: Mover(root, name, moves[name]) for name in scenario.agents}
    gate = ThreadGate(root, scheduler_of(scenario.interleaving), SharedTime(int(START * 1e9)))
    stuck = None
    try:
        gate.run(movers)
    except StuckError as error:
        stuck = str(error)
    final = {path.name: path.read_text() for path in root.iterdir()}
    seen = {name: mover.seen for name, mover in movers.items()}
    return Execution(scenario, History([]), gate.trace, stuck, frozenset(), [final | seen], {})


MOVES = st.lists(
    st.sampled_from(
        [
            *("read a", "read b", "write a", "write b", "append a", "append b"),
            *("move a b", "remove a", "list", "stat a"),
            *("lock", "lock_or_not", "unlock", "sleep", "rest"),
        ]
    ),
    min_size=1,
    max_size=3,
)


def shown(executions: Iterable[Execution]) -> tuple[set[str], set[str]]:
    """The orders of conflicting effects, and all that could be told of what happened."""
    orders, told = set(), set()
    for execution in executions:
        orders.add(order_of_conflicts(execution.trace))
        told.add(f"{execution.final} {execution.stuck}")
    return orders, told


@settings(max_examples=settings().max_examples // 2)
@given(moves=st.lists(MOVES, min_size=2, max_size=2), bound=st.integers(0, 2))
@example(moves=[["read a"], ["move a b", "append b", "read b"]], bound=2)
@example(moves=[["sleep", "append b"], ["sleep", "append b", "read a"]], bound=2)
@example(moves=[["sleep", "lock_or_not"], ["unlock", "sleep", "lock_or_not"]], bound=2)
@example(
    moves=[["sleep", "sleep", "lock_or_not"], ["append b", "lock_or_not", "append b"]], bound=2
)
@example(moves=[["sleep", "rest", "lock_or_not"], ["lock_or_not", "lock_or_not", "rest"]], bound=2)
@example(moves=[["lock", "write a", "unlock"], ["write b", "lock", "read a"]], bound=1)
def test_what_two_agents_can_do_is_all_found(
    moves: list[list[str]], bound: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    finds_all(moves, bound, tmp_path_factory.getbasetemp() / "moved")


@settings(max_examples=settings().max_examples // 5)
@example(moves=[["append a"], ["append b", "read b"], ["append b", "move a b"]], bound=1)
@example(moves=[["sleep", "lock_or_not"], ["sleep", "sleep"], ["sleep", "move a b"]], bound=1)
@given(
    moves=st.lists(MOVES.map(lambda some: some[:1]), min_size=3, max_size=3),
    bound=st.integers(0, 2),
)
def test_what_three_agents_can_do_is_all_found(
    moves: list[list[str]], bound: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    finds_all(moves, bound, tmp_path_factory.getbasetemp() / "moved")


@settings(max_examples=settings().max_examples // 5)
@given(moves=st.lists(MOVES, min_size=3, max_size=3), bound=st.integers(0, 2))
def test_who_goes_on_last_is_tried_at_no_earlier_moment_and_hides_nothing(
    moves: list[list[str]], bound: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    by_name = dict(zip(("a1", "a2", "a3"), moves, strict=True))
    scenario = Scenario((), tuple((name, ()) for name in by_name))
    root = tmp_path_factory.getbasetemp() / "moved"
    run_one = partial(run_movers, moves=by_name, root=root)
    exploration = explore(scenario, run_one, preemptions_max=bound, last=["a3"])
    found = shown(exploration)
    every = list(every_interleaving(scenario, run_one, bound, last="a3"))
    event(f"{len(every)} interleavings in {exploration.executions}")
    event(f"exhausted: {exploration.exhausted}")
    told = shown(every)[1]
    assert found[1] == told if exploration.exhausted else found[1] <= told


def finds_all(moves: list[list[str]], bound: int, root: Path) -> None:
    by_name = {f"a{number + 1}": some for number, some in enumerate(moves)}
    scenario = Scenario((), tuple((name, ()) for name in by_name))
    run_one = partial(run_movers, moves=by_name, root=root)
    exploration = explore(scenario, run_one, preemptions_max=bound)
    found = shown(exploration)
    every = list(every_interleaving(scenario, run_one, bound))
    event(f"{len(every)} interleavings in {exploration.executions}")
    assert exploration.exhausted
    assert found == shown(every)


def judged(executions: Iterable[Execution], promises: Promises) -> set[str]:
    """What was answered, which calls had returned before which, and what it violates."""
    return {
        f"{_calls(execution)} {execution.stuck} {execution.final}"
        f" {sorted(one.invariant for one in violations(check(execution, promises)))}"
        for execution in executions
    }


def _calls(execution: Execution) -> list[str]:
    calls = sorted(execution.history.operations, key=lambda call: call.agent)
    return [
        f"{call.agent} {call.name} {call.outcome} {call.answer} after "
        f"{[number for number, other in enumerate(calls) if other.precedes(call)]}"
        for call in calls
    ]


@pytest.mark.parametrize(
    "module",
    INTERLEAVED if IS_DEEP else [m for m in INTERLEAVED if name_of(m) in TELLING],
    ids=name_of,
)
def test_what_broken_boards_can_do_is_all_found(module: ModuleType, tmp_path: Path) -> None:
    board = board_of(module)
    with Gates(board, tmp_path / "board") as gates:
        run_one = partial(gates.run, gate=gate_of(module))
        for bound in range(3 if IS_DEEP else 2):
            exploration = explore(smallest(module), run_one, preemptions_max=bound)
            found = judged(exploration, board.promises)
            every = every_interleaving(smallest(module), run_one, bound)
            assert found == judged(every, board.promises)
