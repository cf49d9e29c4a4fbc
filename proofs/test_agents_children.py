"""A child that an agent forks is a part of it; of other programs that it starts a verdict tells."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proofs.broken_boards.base import LockAndScan
from proofs.harness.adapter import Board
from proofs.harness.checkers import check
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Execution, run
from proofs.harness.processes import ProcessGate
from proofs.harness.scheduler import PriorityChanges, RandomWalk, Scheduler, Switches
from proofs.harness.threads import StuckError, ThreadGate
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario
from swarm.task import Task
from swarm.task_board import TaskBoard

pytestmark = pytest.mark.usefixtures("open_doors")

SCHEDULERS: dict[str, Callable[[], Scheduler]] = {
    "no switch": lambda: Switches({}),
    "a walk": lambda: RandomWalk(1),
    "PCT": lambda: PriorityChanges(3, 3, 20),
}


def gate(root: Path, scheduler: Scheduler | None = None) -> ThreadGate:
    return ThreadGate(root, scheduler or Switches({}), SharedTime(int(START * 1e9)))


def trace_of(
    root: Path, program: Callable[[], Any], scheduler: Scheduler | None = None
) -> list[str]:
    """The effects of one agent that runs alone, and leaves no child behind."""
    one = gate(root, scheduler)
    one.run({"a1": program})
    assert one.scheduling.left == [] and one.scheduling.unseen == []
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    return [step.label() for step in one.trace]


def forked(program: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        program()
        os._exit(3)
    return pid


def each(*acts: Callable[[], object]) -> Callable[[], None]:
    """Does one after the other."""

    def do() -> None:
        for act in acts:
            act()

    return do


def test_a_child_stops_before_its_effects_under_a_name_of_its_own(tmp_path: Path) -> None:
    def program() -> None:
        pid = forked((tmp_path / "file").mkdir)
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
        assert os.waitpid(pid, 0) == (pid, 3 << 8)

    assert trace_of(tmp_path, program) == [
        "a1: fork <a1.c1>",
        "a1: wait try <a1.c1>",
        "a1: wait <a1.c1> (waits)",
        "a1.c1: mkdir file",
        "a1.c1: end <a1.c1>",
        "a1: wait <a1.c1>",
    ]


def by_multiprocessing(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    sleeper = context.Process(target=time.sleep, args=(50,))
    writers = [context.Process(target=(root / name).touch) for name in "xy"]
    for process in (sleeper, *writers):
        process.start()
    sleeper.join(10)
    assert sleeper.is_alive()
    for process in (sleeper, *writers):
        process.join()
    assert [process.exitcode for process in (sleeper, *writers)] == [0, 0, 0]
    assert time.time() == pytest.approx(START + 50, abs=1)


def by_any_child(root: Path) -> None:
    pids = {forked((root / name).touch) for name in "xy"}
    assert {os.wait()[0], os.waitpid(-1, 0)[0]} == pids
    with pytest.raises(ChildProcessError):
        os.wait()


def by_a_grandchild_with_threads(root: Path) -> None:
    def grow() -> None:
        thread = threading.Thread(target=(root / "x").touch)
        thread.start()
        os.waitpid(forked((root / "y").touch), 0)
        thread.join()

    os.waitpid(forked(grow), 0)
    assert {"x", "y"} <= set(os.listdir(root))


def by_a_thread_that_forks(root: Path) -> None:
    thread = threading.Thread(target=lambda: os.waitpid(forked((root / "x").touch), 0))
    thread.start()
    thread.join()


def by_pipes(root: Path) -> None:
    reading, writing = os.pipe()
    pid = forked(each((root / "x").touch, partial(os.write, writing, b"done")))
    assert os.read(reading, 10) == b"done"
    os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)


def by_connections(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe()

    def answer() -> None:
        (root / "x").touch()
        its.send(its.recv() + 1)

    process = context.Process(target=answer)
    process.start()
    assert not mine.poll(5)
    mine.send(1)
    assert mine.recv() == 2
    process.join(5)
    assert process.exitcode == 0


def by_a_kill(root: Path) -> None:
    pid = forked(partial(time.sleep, 3600))
    time.sleep(5)
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)
    assert time.time() == pytest.approx(START + 5, abs=1)


def by_a_lock_that_the_child_holds(root: Path) -> None:
    def hold() -> None:
        with LockAndScan(str(root)).held():
            time.sleep(5)

    pid = forked(hold)
    time.sleep(1)
    with LockAndScan(str(root)).held():
        assert time.time() == pytest.approx(START + 5, abs=1)
    os.waitpid(pid, 0)


WAITS = [
    *(by_multiprocessing, by_any_child, by_a_grandchild_with_threads, by_a_thread_that_forks),
    *(by_pipes, by_connections, by_a_kill, by_a_lock_that_the_child_holds),
]


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=list(SCHEDULERS))
@pytest.mark.parametrize("program", WAITS, ids=[one.__name__ for one in WAITS])
def test_children_are_waited_for_at_the_gate_and_alike_each_time(
    program: Callable[[Path], None], scheduler: Callable[[], Scheduler], tmp_path: Path
) -> None:
    first = trace_of(tmp_path / "first", partial(program, _made(tmp_path / "first")), scheduler())
    again = trace_of(tmp_path / "again", partial(program, _made(tmp_path / "again")), scheduler())
    assert again == first
    assert any(label.startswith("a1.c1: end") for label in first)


def _made(root: Path) -> Path:
    root.mkdir()
    return root


@pytest.mark.parametrize("seed", range(6))
def test_an_agent_forks_while_another_one_of_its_process_holds_what_a_fork_needs(
    seed: int, tmp_path: Path
) -> None:
    """Our board holds a lock of its module while it opens its lock file; a fork takes it, too."""
    board = TaskBoard(tmp_path, durability="kill")

    def post() -> None:
        for number in range(5):
            board.post(Task(f"t{number}", "CODE_ANALYSIS", "", created_at=1.0))

    def fork() -> None:
        for number in range(5):
            os.waitpid(forked(partial(board.claim, f"t{number}", "a child")), 0)

    one = gate(tmp_path, RandomWalk(seed, 0.5))
    one.run({"a1": post, "a2": fork})
    assert any("fork <a2.c1>" in step.label() for step in one.trace)


def test_an_agent_that_waits_for_a_child_that_waits_for_it_is_told(tmp_path: Path) -> None:
    def program() -> None:
        with LockAndScan(str(tmp_path)).held():
            os.waitpid(forked(lambda: LockAndScan(str(tmp_path)).lock()), 0)

    told = r"nobody can go on: a1 before wait <a1.c1>; a1.c1 before flock"
    with pytest.raises(StuckError, match=told):
        gate(tmp_path).run({"a1": program})


class Forking(LockAndScan):
    """A task that is granted is renewed once by a child, without the lock."""

    def claim_next(self, agent_id: str) -> Task | None:
        granted = super().claim_next(agent_id)
        if granted is not None:
            self._child = forked(partial(self._renew, granted.task_id))
        return granted

    def _renew(self, task_id: str) -> None:
        task = self.read(task_id)
        if task is not None and task.renew():
            self.write(task)

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        done = super().complete(task_id, result, token)
        os.waitpid(self._child, 0)
        return done

    def start(self, task_id: str, token: int | None = None) -> bool:
        """A child is left behind."""
        return bool(forked(partial(time.sleep, 5)))

    def renew(self, task_id: str, token: int | None = None) -> bool:
        """A child goes on with what its parent does."""
        os.fork()
        return True

    def release(self, task_id: str, token: int | None = None) -> bool:
        """A child dies in its turn."""
        os.waitpid(forked(lambda: os.kill(os.getpid(), signal.SIGKILL)), 0)
        return True

    def cancel(self, task_id: str, token: int | None = None) -> bool:
        """Another program is started."""
        return subprocess.run([sys.executable, "-c", "pass"], check=True).returncode == 0


BOARD: Board = Forking


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessGate]:
    with ProcessGate(f"{__name__}:Forking") as one:
        yield one


@pytest.fixture
def in_both(processes: ProcessGate, tmp_path: Path) -> Callable[[Scenario], Execution]:
    def in_both(scenario: Scenario) -> Execution:
        """The execution, which is the same in threads and in processes."""
        here = run(scenario, BOARD, tmp_path / "board")
        there = run(scenario, BOARD, tmp_path / "board", processes)
        assert [s.label() for s in there.trace] == [s.label() for s in here.trace]
        assert there == here
        return here

    return in_both


def scenario(*asks: Ask, interleaving: Interleaving | None = None) -> Scenario:
    programs = (("a1", asks), ("a2", (Ask("claim_next"),)))
    return Scenario((PostedTask("t1"),), programs, interleaving or Interleaving())


def convicts(execution: Execution) -> bool:
    return any(v.invariant == "S14" and v.value == "violated" for v in check(execution))


def test_a_child_that_races_with_its_agent_is_convicted_for_it_stops_at_the_gate(
    in_both: Callable[[Scenario], Execution],
) -> None:
    """A claim and its completion; only the agent's own child can come in between."""
    asks = (Ask("claim_next"), Ask("complete"))
    assert not convicts(in_both(scenario(*asks)))
    walks = (Interleaving(kind="walk", seed=seed) for seed in range(40))
    assert any(convicts(in_both(scenario(*asks, interleaving=one))) for one in walks)


def test_a_child_that_is_left_running_is_told_and_convicts(
    in_both: Callable[[Scenario], Execution],
) -> None:
    execution = in_both(scenario(Ask("start", "t1")))
    assert list(map(str, execution.running["a1"])) == ["child a1.c1 before sleep 5 s"]
    verdict = next(verdict for verdict in check(execution) if verdict.invariant == "R1")
    assert verdict.value == "violated" and "a1 left child a1.c1" in verdict.words


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        ("renew", "a1.c1 went on with its parent's program, and what it was told nobody knows"),
        ("release", "a1.c1 died in its turn, and what it did in it no gate saw"),
    ],
)
def test_what_no_gate_can_stop_or_see_makes_the_verdict_unknown_by_name(
    ask: str, told: str, in_both: Callable[[Scenario], Execution]
) -> None:
    execution = in_both(scenario(Ask(ask, "t1")))
    assert execution.unseen == (told,)
    assert_unknown(execution, told)


def test_another_program_that_an_agent_starts_makes_the_verdict_unknown_by_name(
    tmp_path: Path,
) -> None:
    """It runs in real time, so that one execution is not quite like another."""
    execution = run(scenario(Ask("cancel", "t1")), BOARD, tmp_path / "board")
    told = f"a1 started ['{sys.executable}', '-c', 'pass'], which no gate can stop"
    assert execution.unseen == (told,)
    assert execution.history.operations[0].outcome == "ok"
    assert_unknown(execution, told)


def unseen(root: Path, program: Callable[[], None]) -> list[str]:
    """What no gate saw of one agent that runs alone."""
    one = gate(root)
    one.run({"a1": program})
    return one.scheduling.unseen


def test_a_child_may_become_another_program_and_an_agent_may_not(tmp_path: Path) -> None:
    python = [sys.executable, "-c", "pass"]

    def program() -> None:
        pid = forked(partial(os.execv, sys.executable, python))
        assert os.waitpid(pid, 0) == (pid, 0)
        with pytest.raises(PermissionError):
            os.execv(sys.executable, python)

    told = f"became {python}, which no gate can stop"
    assert unseen(tmp_path, program) == [f"a1.c1 {told}", f"a1 {told}"]


def test_a_signal_or_a_lock_between_processes_is_told_by_name(tmp_path: Path) -> None:
    def program() -> None:
        multiprocessing.get_context("fork").Lock()
        pid = forked(partial(time.sleep, 3600))
        os.kill(pid, signal.SIGTERM)
        assert os.waitpid(pid, 0) == (pid, signal.SIGTERM)

    told = unseen(tmp_path, program)
    assert told[:2] == [
        "a1 made a lock between processes, which no gate can stop",
        "a1 sent signal 15 to a1.c1, which no gate can stop",
    ]


def assert_unknown(execution: Execution, told: str) -> None:
    verdicts = check(execution)
    assert {verdict.value for verdict in verdicts} <= {"unknown", "not applicable"}
    assert any(verdict.words == told for verdict in verdicts)
