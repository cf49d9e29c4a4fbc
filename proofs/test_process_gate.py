"""Agents in processes run as in threads: effect by effect, by a scenario alone; none outlives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from proofs.harness.adapter import Board
from proofs.harness.board_path import load_board
from proofs.harness.execution import Execution, run
from proofs.harness.hanging import EndedProcessError
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate, WorkerError
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario, scenarios

BOARDS = '''
import os
import time
from types import SimpleNamespace

from swarm.task_board import TaskBoard


def ours(storage_path):
    return TaskBoard(storage_path, durability="kill")


class Pid:
    """Tells who it is; its lists never end, its renewals wait for ever, its releases are fatal."""

    def __init__(self, storage_path):
        self._path = storage_path

    def claim_next(self, agent_id):
        return str(os.getpid())

    def get(self, task_id):
        return SimpleNamespace(task_id=str(os.getppid()))

    def get_pending(self):
        while not os.path.exists(f"{self._path}/never"):
            pass

    def cancel(self, task_id):
        os.kill(os.getpid(), 9)

    def start(self, task_id):
        raise GeneratorExit("no outcome of a call")

    def renew(self, task_id):
        import threading
        lock = threading.Lock()
        with lock, lock:
            pass
'''
CLAIM_EACH = Scenario(
    (PostedTask("t1"),), (("a1", (Ask("claim_next"),)), ("a2", (Ask("claim_next"),)))
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("boards") / "boards_of_this_test.py"
    path.write_text(BOARDS)
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def doors(boards: str) -> Iterator[None]:
    load_board(f"{boards}:ours")  # before the doors open, as in a worker
    with interception():
        yield


@pytest.fixture(scope="module")
def gate(boards: str) -> Iterator[ProcessGate]:
    with ProcessGate(f"{boards}:ours") as gate:
        yield gate


@pytest.fixture(scope="module")
def pids(boards: str) -> Iterator[ProcessGate]:
    with ProcessGate(f"{boards}:Pid") as gate:
        yield gate


@pytest.fixture
def ours(boards: str) -> Board:
    return load_board(f"{boards}:ours")


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "board"


def labels(execution: Execution) -> list[str]:
    return [step.label() for step in execution.trace]


def effects_before_a_thread_lock_is_waited_for(execution: Execution) -> int:
    """From there on threads go another way than processes, which do not share such a lock."""
    waiting = (n for n, step in enumerate(execution.trace) if step.waits and "<" in step.label())
    return next(waiting, len(execution.trace))


def no_tasks(*asks: Ask) -> Scenario:
    return Scenario((), (("a1", asks), ("a2", asks)))


def is_there(pid: int) -> bool:
    """Also a process that has ended and was not waited for is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@settings(max_examples=20)
@given(scenario=scenarios())
def test_a_scenario_runs_in_processes_as_in_threads(
    scenario: Scenario,
    boards: str,
    gate: ProcessGate,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.getbasetemp() / "board"
    ours = load_board(f"{boards}:ours")
    there, here = run(scenario, ours, root, gate), run(scenario, ours, root)
    alike = effects_before_a_thread_lock_is_waited_for(here)
    assert labels(there)[:alike] == labels(here)[:alike]
    if alike == len(here.trace):
        assert there == here


def test_each_agent_has_a_process_of_its_own_that_is_kept(
    pids: ProcessGate, boards: str, root: Path
) -> None:
    board = load_board(f"{boards}:Pid")
    scenario = no_tasks(Ask("claim_next"))
    told = [
        {int(operation.answer["task_id"]) for operation in execution.history.operations}
        for execution in (run(scenario, board, root, pids), run(scenario, board, root, pids))
    ]
    assert told[0] == told[1] == set(pids.pids)
    assert len(told[0] - {os.getpid()}) == 2


def test_a_killed_worker_is_replaced(gate: ProcessGate, ours: Board, root: Path) -> None:
    first = run(CLAIM_EACH, ours, root, gate)
    killed, kept = gate.pids[:2]
    os.kill(killed, signal.SIGKILL)
    assert run(CLAIM_EACH, ours, root, gate) == first
    assert gate.pids[0] != killed and gate.pids[1] == kept
    assert not is_there(killed)


def parents(execution: Execution) -> list[int]:
    """The processes that the workers of ``Pid`` came from."""
    return [int(operation.answer["task_id"]) for operation in execution.history.operations]


def test_replacements_come_from_one_warm_process_and_none_of_them_is_left(
    boards: str, root: Path
) -> None:
    asks_who = no_tasks(Ask("get", "t1"))
    board = load_board(f"{boards}:Pid")
    with ProcessGate(f"{boards}:Pid") as gate:
        assert parents(run(asks_who, board, root, gate)) == [os.getpid()] * 2
        for _ in range(2):  # forked ones are replaced as those before them
            for seat in (0, 1):
                killed = gate.pids[seat]
                os.kill(killed, signal.SIGKILL)
                execution = run(asks_who, board, root, gate)
                assert gate.pids[seat] != killed and not is_there(killed)
        (nursery,) = set(parents(execution)) - {os.getpid()}
        left = [nursery, *gate.pids]
    assert len(set(left)) == 3
    assert not any(map(is_there, left))


def test_a_forked_worker_runs_as_one_of_its_own(gate: ProcessGate, ours: Board, root: Path) -> None:
    walk = Scenario(CLAIM_EACH.tasks, CLAIM_EACH.programs, Interleaving(kind="walk", seed=1))
    first = run(walk, ours, root, gate)
    for pid in gate.pids:
        os.kill(pid, signal.SIGKILL)
    assert run(walk, ours, root, gate) == first == run(walk, ours, root, gate)


def test_without_its_warm_process_a_worker_is_replaced_all_the_same(
    boards: str, root: Path
) -> None:
    asks_who = no_tasks(Ask("get", "t1"))
    board = load_board(f"{boards}:Pid")
    with ProcessGate(f"{boards}:Pid") as gate:
        run(asks_who, board, root, gate)
        os.kill(gate.pids[0], signal.SIGKILL)
        nursery = parents(run(asks_who, board, root, gate))[0]
        os.kill(nursery, signal.SIGKILL)
        killed = gate.pids[1]
        os.kill(killed, signal.SIGKILL)
        assert parents(run(asks_who, board, root, gate))[1] == os.getpid()
        left = [nursery, killed, gate.pids[1]]  # the system reaps the other, for its parent is dead
    assert not any(map(is_there, left))


def test_a_board_that_starts_threads_when_it_is_imported_is_not_forked(
    tmp_path: Path, root: Path
) -> None:
    path = tmp_path / "board_with_a_thread.py"
    path.write_text(
        "import os, threading, time\n"
        "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\n"
        "def claim_next(agent_id): return str(os.getppid())\n"
        "def board(storage_path): return __import__('sys').modules[__name__]\n"
    )
    asks_who = no_tasks(Ask("claim_next"))
    with ProcessGate(f"{path}:board") as gate:
        for _ in range(2):
            execution = run(asks_who, lambda path: None, root, gate)
            assert all(
                operation.answer["task_id"] == str(os.getpid())
                for operation in execution.history.operations
            )
            os.kill(gate.pids[0], signal.SIGKILL)


def test_no_worker_is_left_once_the_gate_is_closed(ours: Board, boards: str, root: Path) -> None:
    left = []

    def fail() -> None:
        with ProcessGate(f"{boards}:ours") as gate:
            run(CLAIM_EACH, ours, root, gate)
            left.extend(gate.pids)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(left) == 2
    assert not any(map(is_there, left))


def test_agents_that_wait_for_ever_are_told_as_stuck(
    pids: ProcessGate, boards: str, root: Path
) -> None:
    scenario = no_tasks(Ask("renew", "t1"))
    there = run(scenario, load_board(f"{boards}:Pid"), root, pids)
    assert there.stuck is not None
    assert there.stuck.startswith("nobody can go on: a1 before lock")
    assert there == run(scenario, load_board(f"{boards}:Pid"), root)


def test_agents_that_never_end_are_told_as_stuck(
    pids: ProcessGate, boards: str, root: Path
) -> None:
    board = load_board(f"{boards}:Pid")
    stuck = run(no_tasks(Ask("get_pending")), board, root, pids).stuck
    assert stuck is not None and "nobody has come to an end" in stuck
    kept = pids.pids
    assert run(no_tasks(Ask("claim_next")), board, root, pids).stuck is None
    assert pids.pids == kept


@pytest.mark.parametrize(
    ("ask", "kind", "told"),
    [
        ("cancel", EndedProcessError, "a1 ended amid its turn, by exit code -9"),
        (
            "start",
            WorkerError,
            r"GeneratorExit: no outcome of a call\nTraceback (?s:.*), in start",
        ),
    ],
)
def test_a_worker_that_ends_amid_a_run_is_told_and_the_next_run_goes_well(
    ask: str, kind: type[Exception], told: str, pids: ProcessGate, boards: str, root: Path
) -> None:
    board = load_board(f"{boards}:Pid")
    with pytest.raises(kind, match=told):
        run(no_tasks(Ask(ask, "t1")), board, root, pids)
    assert pids.pids == []
    assert run(no_tasks(Ask("claim_next")), board, root, pids).stuck is None


def test_workers_end_with_a_process_that_is_killed(boards: str, root: Path) -> None:
    code = f"""
import os, pathlib
from proofs.harness.execution import run
from proofs.harness.board_path import load_board
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate
from proofs.test_process_gate import CLAIM_EACH
board = load_board("{boards}:ours")
gate = ProcessGate("{boards}:ours")
with interception():
    run(CLAIM_EACH, board, pathlib.Path("{root}"), gate)
    os.kill(gate.pids[0], 9)
    run(CLAIM_EACH, board, pathlib.Path("{root}"), gate)
print(*gate.pids, flush=True)
os.kill(os.getpid(), 9)
"""
    # The workers, and what forks them, inherit this pipe: its end is only read once all are gone.
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == -9 and len(done.stdout.split()) == 2, done.stderr


@pytest.mark.parametrize(
    "interleaving", [Interleaving(kind="walk", seed=seed) for seed in range(3)]
)
def test_a_run_in_processes_is_the_same_again(
    interleaving: Interleaving, gate: ProcessGate, ours: Board, root: Path
) -> None:
    scenario = Scenario(CLAIM_EACH.tasks, CLAIM_EACH.programs, interleaving)
    assert run(scenario, ours, root, gate) == run(scenario, ours, root, gate)


def test_a_worker_that_finds_no_board_says_why(root: Path) -> None:
    board = load_board("swarm.task_board:TaskBoard")
    text, told = "swarm.no_such_module:Board", "must name what can be imported.*ModuleNotFoundError"
    with ProcessGate(text) as gate, pytest.raises(WorkerError, match=told):
        run(no_tasks(Ask("claim_next")), board, root, gate)
