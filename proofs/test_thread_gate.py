"""Agents in threads run one at a time, by a scenario alone, and the same each time."""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.harness.clock import SharedTime
from proofs.harness.draws import Draws
from proofs.harness.execution import Execution, run
from proofs.harness.scheduler import PriorityChanges, RandomWalk, Scheduler, Switches
from proofs.harness.threads import StuckError, ThreadGate
from proofs.harness.trace import preemptions, switches
from strategies.interleavings import Interleaving, interleavings
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario, scenarios
from swarm.task_board import TaskBoard

pytestmark = pytest.mark.usefixtures("open_doors")

CLAIM_EACH = Scenario(
    (PostedTask("t1"), PostedTask("t2")),
    (("a1", (Ask("claim_next"),)), ("a2", (Ask("claim_next"),))),
)


def board(storage_path: str) -> TaskBoard:
    return TaskBoard(storage_path, durability="kill")


def labels(execution: Execution) -> list[str]:
    return [step.label() for step in execution.trace]


@given(scenario=scenarios())
def test_a_scenario_comes_back_from_json_as_it_was(scenario: Scenario) -> None:
    assert Scenario.from_json(scenario.to_json()) == scenario


@settings(max_examples=settings().max_examples // 2)
@given(scenario=scenarios())
def test_the_same_scenario_gives_the_same_execution(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "board"
    first, second = run(scenario, board, root), run(scenario, board, root)
    assert labels(first) == labels(second)
    assert first.history == second.history
    assert first.final == second.final
    assert not any(first.descriptors.values()), first.descriptors


@settings(max_examples=settings().max_examples // 2)
@given(interleaving=interleavings(["a1", "a2"]))
def test_a_run_is_replayed_by_its_switches_alone(
    interleaving: Interleaving, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "board"
    first = run(_with(interleaving), board, root)
    replayed = Interleaving(switches=tuple(switches(first.trace).items()))
    assert labels(run(_with(replayed), board, root)) == labels(first)


def _with(interleaving: Interleaving) -> Scenario:
    return Scenario(CLAIM_EACH.tasks, CLAIM_EACH.programs, interleaving)


def test_without_switches_one_agent_runs_after_the_other(tmp_path: Path) -> None:
    execution = run(CLAIM_EACH, board, tmp_path / "board")
    agents = [step.agent for step in execution.trace]
    assert agents == sorted(agents)
    assert preemptions(execution.trace) == 0


def test_one_switch_is_one_preemption_and_a_held_lock_is_waited_for(tmp_path: Path) -> None:
    execution = run(_with(Interleaving(switches=((45, "a2"),))), board, tmp_path / "board")
    grants = [operation.answer["task_id"] for operation in execution.history.operations]
    assert sorted(grants) == ["t1", "t2"]
    assert preemptions(execution.trace) >= 1
    assert any("BlockingIOError" in label for label in labels(execution)), labels(execution)


def gate(root: Path, scheduler: Scheduler | None = None) -> ThreadGate:
    return ThreadGate(root, scheduler or Switches({}), SharedTime(int(START * 1e9)))


def test_agents_that_wait_for_each_other_are_told_as_stuck_and_not_waited_for(
    tmp_path: Path,
) -> None:
    locks = {}

    def agent(mine: str, other: str) -> None:
        locks[mine] = threading.Lock()
        with locks[mine]:
            (tmp_path / mine).write_text("")
            while not (tmp_path / other).exists():
                time.sleep(1)
            with locks[other]:
                pass

    programs = {"a1": lambda: agent("a1", "a2"), "a2": lambda: agent("a2", "a1")}
    with pytest.raises(StuckError, match=r"nobody can go on: a1 before lock .*; a2 before lock"):
        gate(tmp_path).run(programs)


def test_an_agent_that_spins_does_not_keep_the_others_from_ending(tmp_path: Path) -> None:
    def spin() -> None:
        while not (tmp_path / "done").exists():
            pass

    gate(tmp_path).run({"a1": spin, "a2": (tmp_path / "done").touch})


def test_those_who_wake_each_other_as_they_poll_do_not_keep_a_third_from_going_on(
    tmp_path: Path,
) -> None:
    def poll() -> None:
        own = threading.Lock()
        while not (tmp_path / "done").exists():
            with own:  # a change, after which who sleeps for a little looks again
                time.sleep(0.01)

    one = gate(tmp_path, Switches({0: "a3", 1: "a1"}))
    one.run({"a1": poll, "a2": poll, "a3": lambda: touch_all(tmp_path, "x", "y", "done")})
    assert one.scheduling.effects < 3_000


@pytest.mark.parametrize("seed", range(10))
def test_those_who_spin_are_not_preferred_for_ever_to_who_holds_the_lock(
    seed: int, tmp_path: Path
) -> None:
    def claim() -> None:
        for _ in range(4):
            while True:
                with suppress(FileExistsError):
                    os.mkdir(tmp_path / "lock")
                    break
            touch_all(tmp_path, *map(str, range(30)))
            os.rmdir(tmp_path / "lock")

    gate(tmp_path, PriorityChanges(seed, 2, 300)).run(dict.fromkeys(("a1", "a2", "a3"), claim))


def touch_all(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_leaving_an_agent_that_sleeps_or_waits_is_no_preemption(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    def sleeper() -> None:
        with open(lock, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            time.sleep(1)

    def waiter() -> None:
        with open(lock, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    one = gate(tmp_path)
    one.run({"a1": sleeper, "a2": waiter})
    assert [step.label() for step in one.trace if step.waits] == [
        "a1: sleep 1 s (waits)",
        "a2: flock exclusive lock (waits)",
    ]
    assert [step.agent for step in one.trace][1:4] == ["a1", "a1", "a2"]
    assert preemptions(one.trace) == 0


def test_agents_that_never_end_are_told_as_such(tmp_path: Path) -> None:
    def spin() -> None:
        while not (tmp_path / "never").exists():
            pass

    with pytest.raises(StuckError, match="nobody has come to an end"):
        gate(tmp_path).run({"a1": spin, "a2": spin})


def test_time_passes_for_agents_without_being_waited_for(tmp_path: Path) -> None:
    seen: list[float] = []

    def sleeper() -> None:
        seen.append(time.time())
        time.sleep(86_400)
        seen.append(time.time())

    before = time.monotonic()
    gate(tmp_path).run({"a1": sleeper})
    assert seen[0] == pytest.approx(START, abs=1)
    assert seen[1] - seen[0] == pytest.approx(86_400, abs=1)
    assert time.monotonic() - before < 60


def test_files_bear_the_times_of_the_agents_clock(tmp_path: Path) -> None:
    def writer() -> None:
        (tmp_path / "file").write_text("x")
        assert os.stat(tmp_path / "file").st_mtime == pytest.approx(START, abs=1)
        assert os.stat(tmp_path).st_ctime == pytest.approx(START, abs=1)

    gate(tmp_path).run({"a1": writer})


def test_directories_too_bear_the_times_of_the_agents_clock(tmp_path: Path) -> None:
    seen: list[float] = []

    class Looks:
        def __init__(self, storage_path: str) -> None:
            root = Path(storage_path)
            seen.append(root.stat().st_mtime)
            (root / "folder").mkdir(exist_ok=True)
            seen.append((root / "folder").stat().st_mtime)
            descriptor = os.open(root / "folder", os.O_RDONLY)
            os.close(os.open("file", os.O_CREAT | os.O_RDWR, dir_fd=descriptor))
            os.close(descriptor)
            seen.append((root / "folder").stat().st_mtime)
            if not (root / "folder" / "link").is_symlink():
                (root / "folder" / "link").symlink_to("file")
            seen.append((root / "folder").stat().st_mtime)

    run(Scenario((), (("a1", ()),)), Looks, tmp_path / "board")
    assert seen == [pytest.approx(START, abs=1)] * len(seen)
    assert seen[:4] == sorted(set(seen[:4])), "each is later than the one before"


def test_threads_that_are_no_agents_notice_nothing(tmp_path: Path) -> None:
    assert abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 1
    (tmp_path / "file").write_text("x")
    assert abs((tmp_path / "file").stat().st_mtime - time.time()) < 60


@given(seed=st.integers(0, 2**32 - 1), agents=st.integers(1, 4))
def test_schedulers_choose_among_those_that_can_run_and_alike_each_time(
    seed: int, agents: int
) -> None:
    names = [f"a{number}" for number in range(agents)]
    for make in (RandomWalk, PriorityChanges):
        chosen = []
        for _ in range(2):
            scheduler, current, order = make(seed), None, []
            for step in range(30):
                current = scheduler.choose(step, current, names)
                order.append(current)
            chosen.append(order)
        assert chosen[0] == chosen[1]
        assert set(chosen[0]) <= set(names)


@given(seed=st.integers(0, 2**64), asked=st.lists(st.integers(0, 9), max_size=30))
def test_draws_are_those_of_the_random_module_and_go_on_from_a_position(
    seed: int, asked: list[int]
) -> None:
    expected = random.Random(seed)
    draws, again = Draws(seed), Draws(seed)
    for end in asked:
        if end:
            assert draws.below(end) == expected.choice(range(end))
        else:
            assert draws.peek(0) == expected.random() == draws.random()
    again.position = draws.position
    assert again.random() == expected.random()


def test_a_fault_of_the_gate_itself_is_raised_and_taken_for_no_hanging(tmp_path: Path) -> None:
    class Faulty(Switches):
        def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
            if len(runnable) == 1:
                raise ZeroDivisionError("a fault of ours")
            return super().choose(step, current, runnable)

    def write() -> None:
        (tmp_path / "file").write_text("")

    programs = {"a1": write, "a2": write}
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        ThreadGate(tmp_path, Faulty({}), SharedTime(int(START * 1e9))).run(programs)
    gate(tmp_path).run(programs)
