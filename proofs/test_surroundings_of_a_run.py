"""What the world would decide, the scenario decides: clocks, file times, listings, chance, disk."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from proofs.harness.clock import SharedTime
from proofs.harness.execution import run
from proofs.harness.processes import ProcessGate
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from proofs.harness.turns import stops_of
from strategies.clocks import Clock
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario, scenarios
from swarm.task_board import TaskBoard

pytestmark = pytest.mark.usefixtures("open_doors")

LEASE_SECONDS = 3600.0
MEMORY = Path("/dev/shm")

AGENTS_THAT_POLL = Scenario(
    (PostedTask("t1"), PostedTask("t2", "PARALLEL_SEARCH", priority=4)),
    (
        ("a1", (Ask("claim_next"),)),
        ("a2", (Ask("claim_next"), Ask("complete"), Ask("claim_next"))),
        ("a3", (Ask("claim_next"), Ask("complete"))),
    ),
    Interleaving("walk", seed=606),
)
"""Who woke moved time on, and then others were chosen first: no turn told of that."""

board = partial(TaskBoard, durability="kill")


def told_under(
    root: Path, act: Callable[[], object], clock: Clock | None = None, chance: int = 0
) -> list[object]:
    """What two agents that do the same are told, one after the other."""
    told: list[object] = []
    time_of_run = SharedTime(int(START * 1e9), (clock or Clock()).file_tick_ns)
    gate = ThreadGate(root, Switches({}), time_of_run)
    programs = {name: lambda: told.append(act()) for name in ("a1", "a2")}
    gate.run(programs, clock, chance)
    return told


def test_the_clocks_of_agents_are_as_far_apart_as_the_scenario_says(tmp_path: Path) -> None:
    first, second = told_under(tmp_path, time.time, Clock((("a2", 60.0),)))
    assert first == pytest.approx(START, abs=1e-3)
    assert second == pytest.approx(START + 60, abs=1e-3)


def test_skew_does_not_show_in_the_monotonic_clock(tmp_path: Path) -> None:
    first, second = told_under(tmp_path, time.monotonic, Clock((("a2", -3600.0),)))
    assert isinstance(first, float) and isinstance(second, float)
    assert 0 <= second - first < 1


def test_an_agent_whose_clock_is_a_lease_ahead_takes_a_claim_over_in_both_gates(
    tmp_path: Path,
) -> None:
    claim = (Ask("claim_next"),)
    ahead = Clock((("a2", LEASE_SECONDS),))
    scenario = Scenario((PostedTask("t1"),), (("a1", claim), ("a2", claim)), clock=ahead)
    here = run(scenario, TaskBoard, tmp_path / "board")
    assert [o.outcome for o in here.history.operations] == ["ok", "ok"]
    with ProcessGate("swarm.task_board:TaskBoard") as gate:
        assert run(scenario, TaskBoard, tmp_path / "board", gate) == here
    alike = replace(scenario, clock=Clock())
    outcomes = [o.outcome for o in run(alike, TaskBoard, tmp_path / "board").history.operations]
    assert outcomes == ["ok", "refused"]


def test_file_times_are_as_coarse_as_the_scenario_says(tmp_path: Path) -> None:
    def written_at() -> float:
        time.sleep(2.7)
        (tmp_path / "file").write_text("x")
        return os.stat(tmp_path / "file").st_mtime

    # Both sleep at the same time, as they would.
    assert told_under(tmp_path, written_at, Clock(file_tick_seconds=2.0)) == [START + 2] * 2
    assert told_under(tmp_path, written_at) == [pytest.approx(START + 2.7, abs=1e-3)] * 2


def test_directories_are_listed_in_the_order_of_the_scenario_s_chance(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"t{number}").touch()

    def listed() -> tuple[str, ...]:
        with os.scandir(tmp_path) as entries:
            scanned = [entry.name for entry in entries]
        assert scanned == os.listdir(tmp_path)
        return tuple(scanned)

    orders = [told_under(tmp_path, listed, chance=chance) for chance in range(10)]
    assert all(first == second for first, second in orders), "one order for all agents"
    assert orders[0][0] == tuple(f"t{number}" for number in range(6))
    assert len({first for first, _ in orders}) > 5


def test_ids_made_by_chance_are_the_scenario_s_and_each_agent_s_own(tmp_path: Path) -> None:
    first = told_under(tmp_path, uuid.uuid4)
    assert first == told_under(tmp_path, uuid.uuid4)
    assert first[0] != first[1]
    assert set(first).isdisjoint(told_under(tmp_path, uuid.uuid4, chance=1))


@pytest.mark.skipif(
    not os.access(MEMORY, os.W_OK), reason=f"not applicable: {MEMORY} is not there to write to"
)
@settings(max_examples=30)
@given(scenario=scenarios())
def test_a_scenario_runs_alike_on_the_disk_and_in_memory(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    disk, memory = tmp_path_factory.getbasetemp() / "board", MEMORY / f"board-{os.getpid()}"
    if os.stat(disk.parent).st_dev == os.stat(MEMORY).st_dev:
        pytest.skip("not applicable: temporary files are in memory here")
    try:
        assert run(scenario, board, disk) == run(scenario, board, memory)
    finally:
        shutil.rmtree(memory, ignore_errors=True)


@settings(max_examples=30)
@example(scenario=AGENTS_THAT_POLL)
@given(scenario=scenarios())
def test_the_stops_of_any_execution_replay_it(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "board"
    first = run(scenario, board, root)
    stops = Interleaving(kind="stops", stops=stops_of(first.trace))
    again = run(replace(scenario, interleaving=stops), board, root)
    assert again.trace == first.trace


def test_an_interleaving_within_the_ticks_of_a_file_system_is_judged_alike(tmp_path: Path) -> None:
    """Two changes within one tick of two seconds: our board must not miss the second one."""
    poll = (Ask("claim_next"), Ask("claim_next"))
    for seed in range(20):
        scenario = Scenario(
            (PostedTask("t1"), PostedTask("t2")),
            (("a1", (Ask("post", "new"), *poll)), ("a2", poll)),
            Interleaving(kind="walk", seed=seed),
            Clock(file_tick_seconds=2.0),
        )
        history = run(scenario, board, tmp_path / "board").history
        granted = [o.answer["task_id"] for o in history.operations if o.answer]
        assert sorted(granted) == ["new", "t1", "t2"], (seed, granted)
