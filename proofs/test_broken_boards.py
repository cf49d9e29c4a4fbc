"""Each broken board is convicted of what is wrong with it, and no safe one of anything.

Broken boards are shown in as many executions as are needed, at most ``EXECUTIONS_MAX``, which are
drawn from one seed; and the fewest preemptions that show them are found by trying every
interleaving with so many. Safe boards run the programs of all the broken ones. Under the profile
``proofs-fuzz`` it is 20 seeds, both gates, and 10,000 executions of each safe board.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from proofs import broken_boards, safe_boards
from proofs.harness.adapter import Board
from proofs.harness.checkers import Promises, check
from proofs.harness.execution import Execution, run
from proofs.harness.exhaustive import explore
from proofs.harness.history import Operation
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate
from proofs.harness.trace import preemptions
from strategies.interleavings import Interleaving
from strategies.programs import Ask, Program
from strategies.scenarios import START, PostedTask, Scenario
from swarm.task_board import TaskBoard

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
SEEDS = range(20) if IS_DEEP else [4]
EXECUTIONS_MAX = 400
SAFE_EXECUTIONS = 10_000 if IS_DEEP else 60

Run = Callable[[Scenario], Execution]


def modules(package: ModuleType) -> list[ModuleType]:
    """Those that hold a board."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = (importlib.import_module(f"{package.__name__}.{name}") for name in names)
    return [module for module in found if hasattr(module, "Board")]


BROKEN = modules(broken_boards)
SAFE = modules(safe_boards)
IN_BOTH = ("no_lock", "write_in_place", "posix_lock", "filelock_lock")


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


@pytest.fixture(scope="module", autouse=True)
def doors() -> Iterator[None]:
    with interception():
        yield


@contextmanager
def run_on(module: ModuleType, gate: str, root: Path) -> Iterator[Run]:
    """Runs scenarios on the board of a module, at this gate."""
    if gate == "threads":
        yield partial(run, board=module.Board, root=root)
        return
    with ProcessGate(f"{module.__name__}:Board") as processes:
        yield partial(run, board=module.Board, root=root, gate=processes)


def gates(module: ModuleType) -> list[str]:
    """Where its bug must be shown: at the one that needs it, in depth at both if it can be."""
    if hasattr(module, "GATE"):
        return [module.GATE]
    return ["threads", "processes"] if IS_DEEP or name_of(module) in IN_BOTH else ["threads"]


def scenario(module: ModuleType, interleaving: Interleaving) -> Scenario:
    """The smallest that shows what is wrong with this board, if it is interleaved so."""
    return _scenario(module.TASKS, module.PROGRAMS, interleaving)


def _scenario(tasks: int, programs: tuple[Program, ...], interleaving: Interleaving) -> Scenario:
    posted = tuple(PostedTask(f"t{n + 1}", created_at=START - n) for n in range(tasks))
    agents = tuple((f"a{n + 1}", program) for n, program in enumerate(programs))
    return Scenario(posted, agents, interleaving)


def drawn(chance: random.Random, module: ModuleType, effects: int) -> Scenario:
    """A scenario around what this board needs: more tasks and claims, any interleaving."""
    programs = [
        program + (Ask("claim_next"),) * chance.choice([0, 0, 1]) for program in module.PROGRAMS
    ]
    agents = [f"a{n + 1}" for n in range(len(programs))]
    tasks = module.TASKS + chance.choice([0, 0, 1])
    return _scenario(tasks, tuple(programs), mixture(chance, agents, effects))


def mixture(chance: random.Random, agents: list[str], effects: int) -> Interleaving:
    """One of the three kinds, alike."""
    kind = chance.choice(["walk", "pct", "switches"])
    if kind == "walk":
        return Interleaving(kind, seed=chance.randrange(2**32))
    if kind == "pct":
        return Interleaving(
            kind, seed=chance.randrange(2**32), changes=chance.randint(1, 3), effects=effects
        )
    places = sorted(chance.sample(range(effects), chance.randint(1, 3)))
    return Interleaving(switches=tuple((place, chance.choice(agents)) for place in places))


def violated(execution: Execution, board: Board) -> set[str]:
    """The invariants that do not hold, as the checkers say; as here where there is none yet."""
    verdicts = check(execution, Promises.of(board))
    judged = {verdict.invariant for verdict in verdicts}
    found = {verdict.invariant for verdict in verdicts if verdict.value == "violated"}
    return found | (_violated_plainly(execution) - judged)


def _violated_plainly(execution: Execution) -> set[str]:
    done = [call for call in execution.history.operations if call.outcome == "ok"]
    before = {str(task["task_id"]) for task in execution.history.posted}
    posted = before | {task_of(call) for call in done if call.name == "post"}
    found = set()
    for call in execution.history.operations:
        seen = (
            {task["task_id"] for task in call.answer or ()} if call.name == "list_all" else posted
        )
        checks = {"S11": seen - posted, "S16": call.error or before - seen}
        is_listing = call.name == "list_all"
        found |= {name for name, is_violated in checks.items() if is_listing and is_violated}
    for task_id in posted:
        concerned = [call for call in done if task_of(call) == task_id]
        found |= _violated_for(task_id, execution, concerned)
    return found


def _violated_for(task_id: str, execution: Execution, done: list[Operation]) -> set[str]:
    grants = execution.history.grants(task_id)
    ends = [call.name for call in done if call.name in ("complete", "cancel")]
    final = {task["task_id"]: task for task in execution.final or ()}.get(task_id)
    status = final["status"] if final else None
    tokens = [grant.answer["token"] or 0 for grant in grants]
    is_older = final is not None and (final["token"] or 0) < max(tokens, default=0)
    is_undone = bool(ends) and status in ("PENDING", "CLAIMED")
    checks = {
        "S4": any(_stolen(call, grants) for call in done if call.name == "renew"),
        "S5": any(_superseded(call, grants) for call in done),
        "S6": is_undone or is_older or [call.name for call in done].count("post") > 1,
        "S7": execution.final is not None and status is None,
        "S14": is_undone or len(set(ends)) > 1,
    }
    return {name for name, is_violated in checks.items() if is_violated}


def task_of(call: Operation) -> str:
    named = call.answer if call.name in ("claim", "claim_next") else call.arguments
    return str((named or {}).get("task_id"))


def _superseded(call: Operation, grants: list[Operation]) -> bool:
    token = call.arguments.get("token")
    return token is not None and any(
        grant.answer["token"] is not None
        and grant.answer["token"] > token
        and (
            grant.precedes(call)
            or (call.name == "complete" and grant.returned_at < call.returned_at)
        )
        for grant in grants
    )


def _stolen(renewal: Operation, grants: list[Operation]) -> bool:
    return any(
        grant.agent != renewal.agent
        and grant.returned_at > renewal.returned_at
        and grant.ended - renewal.started < 3600
        for grant in grants
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("module", "gate"),
    [
        pytest.param(module, gate, id=f"{name_of(module)} in {gate}")
        for module in BROKEN
        for gate in gates(module)
    ],
)
def test_a_broken_board_is_convicted_of_its_own_bug(
    module: ModuleType, gate: str, seed: int, tmp_path: Path
) -> None:
    chance = random.Random(f"{seed} {name_of(module)}")
    with run_on(module, gate, tmp_path / "board") as run_one:
        effects = len(run_one(scenario(module, Interleaving())).trace)
        for number in range(1, EXECUTIONS_MAX + 1):
            execution = run_one(drawn(chance, module, effects))
            if module.INVARIANT in violated(execution, module.Board):
                switched = preemptions(execution.trace)
                print(f"{module.INVARIANT}: execution {number}, {switched} preemptions")
                return
    pytest.fail(f"{module.INVARIANT} must be violated in {EXECUTIONS_MAX} executions, and was not")


@pytest.mark.parametrize("module", BROKEN, ids=name_of)
def test_the_fewest_preemptions_that_show_a_bug_are_known(
    module: ModuleType, tmp_path: Path
) -> None:
    gate = gates(module)[0]
    with run_on(module, gate, tmp_path / "board") as run_one:
        for count in range(module.PREEMPTIONS + 1):
            found = False
            exploration = explore(scenario(module, Interleaving()), run_one, preemptions_max=count)
            for execution in exploration:
                found = found or module.INVARIANT in violated(execution, module.Board)
            assert exploration.exhausted
            assert found == (count == module.PREEMPTIONS), (count, exploration.executions)
    print(
        f"{name_of(module)}: every interleaving with at most {count} preemptions, "
        f"{exploration.executions} executions, {len(exploration.orders)} distinct orders of "
        f"conflicting effects, in {gate}: {module.INVARIANT}, and not with fewer"
    )


def survives(run_one: Run, board: Board) -> None:
    """Run the programs of the broken boards on this one; it must not be convicted."""
    chance = random.Random(SEEDS[0])
    for _ in range(SAFE_EXECUTIONS):
        execution = run_one(drawn(chance, chance.choice(BROKEN), 100))
        assert execution.stuck is None, execution.scenario
        found = violated(execution, board)
        assert not found, (found, execution.scenario)
        assert not any(execution.descriptors.values()), execution.descriptors


@pytest.mark.parametrize(
    ("module", "gate"),
    [
        pytest.param(module, gate, id=f"{name_of(module)} in {gate}")
        for module in SAFE
        for gate in gates(module)
    ],
)
def test_a_safe_board_is_never_convicted(module: ModuleType, gate: str, tmp_path: Path) -> None:
    with run_on(module, gate, tmp_path / "board") as run_one:
        survives(run_one, module.Board)


def test_our_board_is_never_convicted(tmp_path: Path) -> None:
    board = partial(TaskBoard, durability="kill")
    survives(partial(run, board=board, root=tmp_path / "board"), board)
