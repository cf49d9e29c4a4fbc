"""A violation is made small without becoming another one, and the small one replays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.harness.execution import Execution, run
from proofs.harness.minimise import minimise, size
from proofs.harness.trace import Step, preemptions
from proofs.harness.turns import joined, stops_of, turns_of
from strategies.clocks import Clock
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task

pytestmark = pytest.mark.usefixtures("open_doors")


class RacyBoard:
    """Looks whether a task is free and takes it, with nothing to keep others out in between."""

    def __init__(self, storage_path: str) -> None:
        self._root = Path(storage_path)

    def post(self, task: Task) -> None:
        self._write(task.task_id, {"id": task.task_id, "by": None})

    def claim_next(self, agent_id: str) -> str | None:
        for name in sorted(os.listdir(self._root)):
            task = json.loads((self._root / name).read_text())
            if task["by"] is None:
                self._write(task["id"], {**task, "by": agent_id})
                return str(task["id"])
        return None

    def _write(self, task_id: str, task: dict[str, str | None]) -> None:
        (self._root / f"{task_id}.json").write_text(json.dumps(task))


POLL = (Ask("claim_next"), Ask("claim_next"), Ask("claim_next"))
SCENARIO = Scenario(
    (PostedTask("t1"), PostedTask("t2"), PostedTask("t3")),
    (("a1", POLL), ("a2", POLL), ("a3", POLL)),
)


def granted_twice(execution: Execution) -> bool:
    history = execution.history
    return any(len(history.grants(task["task_id"])) > 1 for task in history.posted)


def found_by_walking(root: Path, seed: int) -> Execution:
    """The first violation of so many random walks, beginning with this one."""
    for number in range(seed, seed + 200):
        walk = Interleaving(kind="walk", seed=number)
        execution = run(Scenario(SCENARIO.tasks, SCENARIO.programs, walk), RacyBoard, root)
        if granted_twice(execution):
            return execution
    raise AssertionError("200 random walks must find a race that one switch shows")


@pytest.mark.parametrize("seed", [0, 1000, 2000])
def test_a_race_is_minimised_to_one_preemption_of_two_claims_of_one_task(
    tmp_path: Path, seed: int
) -> None:
    root = tmp_path / "board"
    found = found_by_walking(root, seed)
    small = minimise(found, lambda scenario: run(scenario, RacyBoard, root), granted_twice)
    assert granted_twice(small.execution)
    scenario = small.execution.scenario
    calls = [asks for _, asks in scenario.programs]
    assert preemptions(small.execution.trace) == 1, small.execution.trace
    assert calls == [(Ask("claim_next"),)] * 2, scenario
    assert len(scenario.tasks) == 1
    assert size(small.execution) < size(found)
    print(f"{small.replays} replays")


def test_an_agent_that_is_left_out_takes_the_skew_of_its_clock_with_it(tmp_path: Path) -> None:
    root = tmp_path / "board"
    found = found_by_walking(root, 0)
    apart = Clock((("a1", 60.0), ("a2", -60.0), ("a3", 3600.0)))
    scenario = replace(found.scenario, clock=apart)
    small = minimise(
        run(scenario, RacyBoard, root), lambda one: run(one, RacyBoard, root), granted_twice
    )
    assert len(small.execution.scenario.programs) == 2
    assert small.execution.scenario.clock == Clock()


def test_a_minimised_race_replays_the_same_a_hundred_times(tmp_path: Path) -> None:
    root = tmp_path / "board"
    found = found_by_walking(root, 0)
    small = minimise(found, lambda scenario: run(scenario, RacyBoard, root), granted_twice)
    scenario = Scenario.from_json(json.loads(json.dumps(small.execution.scenario.to_json())))
    expected = [step.label() for step in small.execution.trace]
    for _ in range(100):
        again = run(scenario, RacyBoard, root)
        assert [step.label() for step in again.trace] == expected
        assert granted_twice(again)


@pytest.mark.parametrize(
    "interleaving_of",
    [
        lambda trace: Interleaving(kind="turns", turns=turns_of(trace)),
        lambda trace: Interleaving(kind="stops", stops=stops_of(trace)),
    ],
    ids=["turns", "stops"],
)
def test_the_turns_of_a_trace_replay_it(
    tmp_path: Path, interleaving_of: Callable[[list[Step]], Interleaving]
) -> None:
    root = tmp_path / "board"
    for seed in range(20):
        walk = Interleaving(kind="walk", seed=seed)
        first = run(Scenario(SCENARIO.tasks, SCENARIO.programs, walk), RacyBoard, root)
        recorded = interleaving_of(first.trace)
        again = run(Scenario(SCENARIO.tasks, SCENARIO.programs, recorded), RacyBoard, root)
        assert again.trace == first.trace
        assert again.history == first.history


def test_neighbouring_turns_of_one_agent_are_one_turn() -> None:
    assert joined([("a1", 2), ("a1", 3), ("a2", 1), ("a1", 4)]) == (("a1", 5), ("a2", 1), ("a1", 4))
