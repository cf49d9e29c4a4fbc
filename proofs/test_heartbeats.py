"""The threads of agents that work with a board: the same in threads and in worker processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from proofs.broken_boards.base import LockAndScan
from proofs.harness.adapter import Board
from proofs.harness.checkers import check
from proofs.harness.execution import Execution, run
from proofs.harness.minimise import minimise
from proofs.harness.processes import ProcessGate
from proofs.harness.trace import preemptions
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.swarm_agent import SwarmAgent
from swarm.task import Task
from swarm.task_board import TaskBoard

pytestmark = pytest.mark.usefixtures("open_doors")

LEASE_SECONDS = 30.0


class Working:
    """Agents that work through our board, with a heartbeat; without one; and one that leaves."""

    def __init__(self, storage_path: str) -> None:
        self._path = storage_path
        self._board = TaskBoard(storage_path, durability="kill", lease_seconds=LEASE_SECONDS)
        self.list_all = self._board.list_all
        self.post = self._board.post

    def claim_next(self, agent_id: str) -> None:
        """A SwarmAgent that polls; its work takes five leases."""
        handlers = {"CODE_ANALYSIS": partial(self._work, agent_id)}
        agent = SwarmAgent(agent_id, self._board, handlers=handlers)
        for _ in range(10):
            if agent.work_cycle() is None:
                time.sleep(LEASE_SECONDS)

    def _work(self, agent_id: str, task: Task) -> dict[str, str]:
        time.sleep(5 * LEASE_SECONDS)
        return {"by": agent_id}

    def cancel(self, task_id: str) -> bool:
        """The same without a heartbeat."""
        while (task := self._board.claim_next("careless")) is None:
            time.sleep(LEASE_SECONDS)
        time.sleep(5 * LEASE_SECONDS)
        return self._board.complete(task_id, {}, token=task.token)

    def start(self, task_id: str) -> bool:
        """Leave a thread that sleeps, one that waits for it, and one that soon ends."""
        sleeper = threading.Thread(target=time.sleep, args=(5,), daemon=True)
        sleeper.start()
        threading.Thread(target=sleeper.join).start()
        threading.Thread(target=Path(self._path, "soon").touch).start()
        return True


class Beaten(LockAndScan):
    """A task that is granted is renewed once, in the background and without the lock."""

    def grant(self, task: Task, agent_id: str) -> Task | None:
        granted = super().grant(task, agent_id)
        if granted is not None:
            threading.Thread(target=self._renew, args=(granted.task_id,)).start()
        return granted

    def _renew(self, task_id: str) -> None:
        task = self.read(task_id)
        if task is not None and task.renew():
            self.write(task)


BOARDS: dict[str, Board] = {"Working": Working, "Beaten": Beaten}


@pytest.fixture(scope="module")
def processes() -> Iterator[dict[str, ProcessGate]]:
    gates = {name: ProcessGate(f"{__name__}:{name}") for name in BOARDS}
    yield gates
    for one in gates.values():
        one.close()


@pytest.fixture
def in_both(processes: dict[str, ProcessGate], tmp_path: Path) -> Callable[..., Execution]:
    def in_both(name: str, scenario: Scenario) -> Execution:
        """The execution, which is the same in threads and in processes."""
        here = run(scenario, BOARDS[name], tmp_path / "board")
        there = run(scenario, BOARDS[name], tmp_path / "board", processes[name])
        assert [s.label() for s in there.trace] == [s.label() for s in here.trace]
        assert there == here
        return here

    return in_both


def scenario(*asks: Ask, agents: int = 2, interleaving: Interleaving | None = None) -> Scenario:
    programs = tuple((f"a{n + 1}", asks) for n in range(agents))
    return Scenario((PostedTask("t1"),), programs, interleaving or Interleaving())


INTERLEAVINGS = [
    Interleaving(),
    # Those in which no agent waits for the other at a lock between threads: processes share none.
    *(Interleaving(kind="walk", seed=seed) for seed in range(1, 4)),
    *(Interleaving(kind="pct", seed=seed, changes=3, effects=400) for seed in range(3)),
]


@pytest.mark.parametrize("interleaving", INTERLEAVINGS, ids=lambda one: f"{one.kind} {one.seed}")
def test_a_heartbeat_keeps_a_claim_for_as_long_as_the_work_takes(
    interleaving: Interleaving, in_both: Callable[..., Execution]
) -> None:
    """Two agents that poll, one task of five leases: 7 interleavings in threads and processes."""
    execution = in_both("Working", scenario(Ask("claim_next"), interleaving=interleaving))
    assert [one.error for one in execution.history.operations] == [None, None]
    assert execution.final is not None
    (task,) = execution.final
    assert (task["status"], task["attempts"]) == ("COMPLETED", 1)
    assert task["result"] == {"by": task["claimed_by"]}
    renewals = [s for s in execution.trace if s.agent.endswith(".1") and s.effect.kind == "flock"]
    assert len(renewals) >= 10, "a lease is renewed at a third, for five leases"
    assert execution.running == {}


def test_without_a_heartbeat_a_claim_is_lost_in_virtual_time(
    in_both: Callable[..., Execution],
) -> None:
    execution = in_both("Working", scenario(Ask("cancel", "t1")))
    outcomes = {one.agent: one.outcome for one in execution.history.operations}
    assert outcomes == {"a1": "refused", "a2": "ok"}, "the second one stole the task meanwhile"


def test_threads_that_an_agent_leaves_running_are_told_and_convict_it(
    in_both: Callable[..., Execution],
) -> None:
    execution = in_both("Working", scenario(Ask("start", "t1")))
    assert execution.stuck is None
    left = ["daemon thread a1.1 before sleep 5 s", "thread a1.2 before join <a1.1>"]
    assert list(map(str, execution.running["a1"])) == left
    assert "a1.3: end <a1.3>" in [step.label() for step in execution.trace]
    verdict = next(verdict for verdict in check(execution) if verdict.invariant == "R1")
    assert verdict.value == "violated"
    assert f"a1 left {', '.join(left)} running; a2 left daemon thread" in verdict.words


def convicts(execution: Execution) -> bool:
    return any(v.invariant == "S14" and v.value == "violated" for v in check(execution))


def test_a_heartbeat_that_races_with_its_own_agent_is_convicted_for_it_stops_at_the_gate(
    in_both: Callable[..., Execution], tmp_path: Path
) -> None:
    """One agent, one task, a claim and its completion; only its thread can come in between."""
    asks = (Ask("claim_next"), Ask("complete"))
    alone = in_both("Beaten", scenario(*asks, agents=1))
    assert not convicts(alone), "one thread after the other is no race"
    walks = (Interleaving(kind="walk", seed=seed) for seed in range(30))
    drawn = (scenario(*asks, agents=1, interleaving=one) for one in walks)
    found = next(filter(convicts, map(partial(in_both, "Beaten"), drawn)))
    small = minimise(found, lambda one: run(one, Beaten, tmp_path / "board"), convicts).execution
    assert preemptions(small.trace) == 2, "to the thread, and back before it writes"
    assert {step.agent for step in small.trace} == {"a1", "a1.1"}
    assert in_both("Beaten", small.scenario).trace == small.trace
