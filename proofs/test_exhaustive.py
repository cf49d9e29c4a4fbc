"""Each pair of operations, in every interleaving with at most two preemptions, on our board.

Two agents have opened the board, and hold what their operations are on; from there on each
asks for one thing. On one task both ask for the same one; on two each has one of its own, and what
concerns the whole board sees both. The broken boards are put through the same, and are convicted
where their own bug is one of two such operations. Under the profile ``proofs-fuzz`` it is all
pairs and all broken boards, otherwise those that get in each other's way most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from proofs.harness.adapter import Board
from proofs.harness.checkers import Promises, check
from proofs.harness.conflicts import is_contended
from proofs.harness.execution import Execution, run
from proofs.harness.exhaustive import PREEMPTIONS_MAX, explore, up_to_the_last_calls
from proofs.harness.interception import interception
from proofs.harness.verdict import violations
from proofs.test_broken_boards import BROKEN, IS_DEEP, gates, name_of, run_on
from strategies.interleavings import Turn
from strategies.programs import ASKS, Ask, Program
from strategies.scenarios import START, PostedTask, Scenario
from swarm.task_board import TaskBoard

Run = Callable[[Scenario], Execution]
Pair = tuple[str, str]

OPERATIONS: Final = tuple(name for name in ASKS if name != "advance")
BEFORE: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("complete", "release", "start", "renew", "fail", "retry"), ("claim",)),
    "requeue": ("claim", "fail"),
    "prune": ("claim", "complete"),
}
"""What an agent asks for before its operation has something to succeed on."""

ON_THE_BOARD: Final = ("claim_next", "get_pending", "list_all")
PAIRS: Final = tuple(combinations_with_replacement(OPERATIONS, 2))
CONTENDING: Final[tuple[Pair, ...]] = (
    ("claim_next", "claim_next"),
    ("claim_next", "release"),
    ("claim_next", "list_all"),
    ("complete", "cancel"),
)
QUICK: Final[dict[str, tuple[Pair, ...]]] = {
    "no_lock": (("claim_next", "claim_next"),),
    "posix_lock_lost_on_close": (("claim_next", "claim_next"),),
    "read_before_the_lock": (("complete", "cancel"),),
    "write_in_place": (("claim_next", "get_pending"),),
}
"""The broken boards that are put through this at all times, and the pairs that they cannot bear."""

EXECUTIONS_MAX: Final = 5_000
"""For one pair of operations; ours needs some 100."""


@pytest.fixture(scope="module", autouse=True)
def doors() -> Iterator[None]:
    with interception():
        yield


def pair_of(pair: Pair, tasks: int) -> Scenario:
    """Two agents with one of the operations each, on the one task or on one each."""
    posted = tuple(PostedTask(f"t{n + 1}", created_at=START + n) for n in range(tasks))
    own = ("t1", "t1") if tasks == 1 else ("t1", "t2")
    is_taken = tasks == 1 and pair[0] in BEFORE  # then the second agent has no claim to it
    programs = (
        ("a1", _program(pair[0], own[0], prepared=True)),
        ("a2", _program(pair[1], own[1], prepared=not is_taken)),
    )
    return Scenario(posted, programs)


def _program(name: str, task_id: str, *, prepared: bool) -> Program:
    if name in ON_THE_BOARD:
        return (Ask(name),)
    if name in BEFORE and prepared:
        before = (Ask(earlier, task_id, fenced=False) for earlier in BEFORE[name])
        return (*before, Ask(name))
    if name == "post":
        return (Ask(name, task_id.replace("t", "n"), fenced=False),)
    return (Ask(name, task_id, fenced=False),)


@dataclass(slots=True)
class Tally:
    """What was run on one board, and of what it was convicted, by the pair and the turns."""

    scenarios: int = 0
    contended: int = 0
    executions: int = 0
    orders: int = 0
    done: Counter[str] = field(default_factory=Counter)
    convictions: dict[str, tuple[Pair, Sequence[Turn], str]] = field(default_factory=dict)

    def words(self) -> str:
        """The bound, as it is stated where a proof passes."""
        return (
            f"{self.executions:,} executions, every interleaving with at most {PREEMPTIONS_MAX} "
            f"preemptions, {self.orders:,} distinct orders of conflicting effects"
        )


def exhaust(tally: Tally, pair: Pair, tasks: int, run_one: Run, board: Board) -> None:
    """All of one pair; a pair of which the board lacks an operation is left out."""
    scenario = up_to_the_last_calls(pair_of(pair, tasks), run_one)
    exploration = explore(scenario, run_one, executions_max=EXECUTIONS_MAX)
    promises = Promises.of(board)
    contended = False
    for execution in exploration:
        if execution.lacking:
            return
        contended = contended or is_contended(execution.trace)
        tally.done.update(
            call.name for call in execution.history.operations if call.outcome == "ok"
        )
        for verdict in violations(check(execution, promises)):
            turns = execution.scenario.interleaving.turns
            tally.convictions.setdefault(verdict.invariant, (pair, turns, verdict.words))
    assert exploration.exhausted, (pair, tasks, exploration.executions)
    tally.scenarios += 1
    tally.contended += contended
    tally.executions += exploration.executions
    tally.orders += len(exploration.orders)


def test_no_pair_of_operations_breaks_our_board(tmp_path: Path) -> None:
    board = partial(TaskBoard, durability="kill")
    run_one = partial(run, board=board, root=tmp_path / "board")
    pairs = PAIRS if IS_DEEP else CONTENDING
    tally = Tally()
    for pair in pairs:
        for tasks in (1, 2):
            exhaust(tally, pair, tasks, run_one, board)
            assert not tally.convictions, tally.convictions
    assert tally.scenarios == 2 * len(pairs)
    assert tally.contended >= (0.6 if IS_DEEP else 1) * tally.scenarios, tally
    assert set(tally.done) >= {name for pair in pairs for name in pair}, tally.done
    print(
        f"TaskBoard: {len(pairs)} pairs of operations × 1 and 2 tasks: {tally.words()}, "
        f"{tally.contended} of {tally.scenarios} contended, in threads"
    )


def needs_more_than_a_pair(module: ModuleType) -> bool:
    """Whether its bug shows only where a lease runs out, or somebody claims twice."""
    names = [[ask.name for ask in program] for program in module.PROGRAMS]
    return any("advance" in calls or calls.count("claim_next") > 1 for calls in names)


@pytest.mark.parametrize(
    "module", BROKEN if IS_DEEP else [m for m in BROKEN if name_of(m) in QUICK], ids=name_of
)
def test_a_pair_of_operations_shows_what_is_wrong_with_a_board(
    module: ModuleType, tmp_path: Path
) -> None:
    gate = gates(module)[0]
    tally = Tally()
    with run_on(module, gate, tmp_path / "board") as run_one:
        for pair in PAIRS if IS_DEEP else QUICK[name_of(module)]:
            for tasks in (1, 2):
                exhaust(tally, pair, tasks, run_one, module.Board)
    shows = module.INVARIANT in tally.convictions
    assert shows or needs_more_than_a_pair(module), (tally, tally.convictions)
    print(
        f"{name_of(module)}: {tally.scenarios} pairs of operations and tasks: {tally.words()}, "
        f"in {gate}: {', '.join(sorted(tally.convictions)) or 'nothing convicted'}"
    )
