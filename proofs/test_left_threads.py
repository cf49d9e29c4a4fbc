"""What an agent may leave running at its end: one daemon thread for each claim that it holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from proofs.harness.checkers import check
from proofs.harness.execution import Execution
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.proof import Proof, ViolatedError
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import violations
from proofs.safe_boards import renewed_by_a_daemon_thread
from proofs.sampling import each_drawn
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario, scenarios
from swarm.task import Task

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
EXECUTIONS: Final = {
    "threads": 1_000 if IS_DEEP else 25,
    "processes": 1_000 if IS_DEEP else 8,
}


class Renewed(renewed_by_a_daemon_thread.Board):
    """As it is."""


class ByATimer(Renewed):
    """Renews by one timer after another."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path)
        self._timers: dict[str, threading.Timer] = {}

    def kept(self, task: Task | None) -> Task | None:
        if task is not None:
            self.stop(task.task_id)
            stop = self._stops[task.task_id] = threading.Event()
            self.start_timer(task.task_id, task.token, stop)
        return task

    def start_timer(self, task_id: str, token: int, stop: threading.Event) -> None:
        timer = threading.Timer(self.lease_seconds / 3, self.again, (task_id, token, stop))
        timer.daemon = True
        self._timers[task_id] = timer
        timer.start()
        if stop.is_set():
            timer.cancel()

    def again(self, task_id: str, token: int, stop: threading.Event) -> None:
        if not stop.is_set() and self.renew(task_id, token) and not stop.is_set():
            self.start_timer(task_id, token, stop)

    def stop(self, task_id: str) -> None:
        super().stop(task_id)
        if task_id in self._timers:
            self._timers[task_id].cancel()


class NoDaemon(Renewed):
    """Keeps its program from ending."""

    is_daemon = False


class NotStopped(Renewed):
    """Goes on when the task is done."""

    def stop(self, task_id: str) -> None:
        pass


class TwoForOneClaim(Renewed):
    """Renews twice as often, so to say."""

    def kept(self, task: Task | None) -> Task | None:
        if task is not None:
            beats = (task.task_id, task.token, threading.Event())
            threading.Thread(target=self.beat, args=beats, daemon=True).start()
        return super().kept(task)


class WithoutALock(NoDaemon):
    """Leaves a thread in every run, and lets two agents have one task in some."""

    @contextmanager
    def held(self) -> Iterator[None]:
        yield


CLAIM: Final = Ask("claim_next")
COMPLETE: Final = Ask("complete")


def named(kind: type) -> ProvenBoard:
    return ProvenBoard.named(f"{kind.__module__}:{kind.__name__}")


def ran(kind: type, gate: GateName, root: Path, *asks: Ask, tasks: int = 1) -> Execution:
    """One agent's program on so many tasks."""
    posted = tuple(PostedTask(f"t{n + 1}") for n in range(tasks))
    with Gates(named(kind), root) as gates:
        return gates.run(Scenario(posted, (("a1", asks),)), gate)


def leaks(execution: Execution) -> list[str]:
    return [verdict.words for verdict in violations(check(execution))]


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(
    ("asks", "tasks", "left"),
    [((CLAIM,), 1, 1), ((CLAIM, CLAIM), 2, 2), ((CLAIM, COMPLETE), 1, 0), ((CLAIM, CLAIM), 1, 1)],
)
def test_a_claim_that_is_held_at_the_end_may_keep_a_daemon_thread(
    asks: tuple[Ask, ...], tasks: int, left: int, gate: GateName, tmp_path: Path
) -> None:
    execution = ran(Renewed, gate, tmp_path / "board", *asks, tasks=tasks)
    assert sum(map(len, execution.running.values())) == left, "else the proof shows nothing"
    assert not leaks(execution)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize(
    ("kind", "asks", "words"),
    [
        (NoDaemon, (CLAIM,), "a1 left thread a1.1 before "),
        (NotStopped, (CLAIM, COMPLETE), "a1 left daemon thread a1.1 before "),
        (TwoForOneClaim, (CLAIM,), "a1 left daemon thread a1.2 before "),
    ],
)
def test_what_goes_beyond_that_or_is_no_daemon_is_a_leak(
    kind: type, asks: tuple[Ask, ...], words: str, gate: GateName, tmp_path: Path
) -> None:
    (told,) = leaks(ran(kind, gate, tmp_path / "board", *asks))
    assert told.startswith(words)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("kind", [Renewed, ByATimer])
def test_a_board_that_renews_in_the_background_is_not_convicted(
    kind: type, gate: GateName, tmp_path: Path
) -> None:
    board = named(kind)
    with Gates(board, tmp_path / "board") as gates:

        def examine(scenario: Scenario) -> None:
            found = violations(check(gates.run(scenario, gate), board.promises))
            assert not found, (found, scenario)

        drawn = scenarios(agents_max=3, names=board.asks)
        each_drawn(drawn, examine, by=0, examples=EXECUTIONS[gate])


def examine_walks(proof: Proof, executions: int) -> None:
    """Two agents, one claim each on one task, in so many random walks."""
    programs = (("a1", (CLAIM,)), ("a2", (CLAIM,)))
    for number in range(executions):
        walk = Interleaving(kind="walk", seed=number)
        proof.examine(Scenario((PostedTask("t1"),), programs, walk))


@pytest.mark.parametrize("gate", GATES if IS_DEEP else GATES[:1])
def test_a_leak_in_every_run_hides_no_other_bug(gate: GateName, tmp_path: Path) -> None:
    with Gates(named(WithoutALock), tmp_path / "board") as gates:
        proof = Proof("a leak", gates, gate, tmp_path)
        with pytest.raises(ViolatedError, match="S1 violated by"):
            examine_walks(proof, 100)
        assert proof.coverage.executions > 1


@pytest.mark.parametrize("gate", GATES)
def test_a_leak_is_convicted_when_nothing_else_was_found(gate: GateName, tmp_path: Path) -> None:
    with Gates(named(NoDaemon), tmp_path / "board") as gates:
        proof = Proof("a leak", gates, gate, tmp_path)
        examine_walks(proof, 5)
        with pytest.raises(ViolatedError, match="R1 violated by"):
            proof.settle()
        assert proof.path is not None and proof.path.name.startswith("NoDaemon-R1")
