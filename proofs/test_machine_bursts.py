"""The machine's bursts see what no operation alone shows, and what they see becomes small.

Sampled: what a burst may be, in threads and processes, is drawn; see ``proofs.bursts``.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis import Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

import proofs.machine
from proofs.bursts import convict, run_burst
from proofs.file_clocks import ticking_every
from proofs.harness.checkers import Promises, check
from proofs.harness.checkers.evidence import CHANGES, overlap, task_of
from proofs.harness.clock import SharedTime
from proofs.harness.doors import files
from proofs.harness.execution import Execution
from proofs.harness.history import History, Operation
from proofs.harness.trace import preemptions
from proofs.harness.verdict import violations
from proofs.machine import START, TaskBoardMachine
from proofs.machine_boards import LONG, Opener
from strategies.faults import KILL, Fault
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import Scenario
from swarm.file_times import FileClock
from swarm.task import Task
from swarm.task_board import TaskBoard


class ReadBeforeTheLock(TaskBoard):
    """Grants a task as it was before the lock was taken."""

    def claim(self, task_id: str, agent_id: str) -> bool:
        task = self.get(task_id)
        if task is None:
            return False
        with self._writing("claim"):
            return self._grant(task, agent_id, self._now())

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        pending = self.get_pending()
        able = (t for t in pending if capabilities is None or t.task_type in capabilities)
        task = next(able, None)
        if task is None:
            return super().claim_next(agent_id, capabilities)
        with self._writing("claim_next"):
            return task if self._grant(task, agent_id, self._now()) else None


class DeletesOnError(TaskBoard):
    """An error path that clears up too much."""

    def claim(self, task_id: str, agent_id: str) -> bool:
        try:
            return super().claim(task_id, agent_id)
        except OSError:
            (self.storage_path / f"{task_id}.json").unlink(missing_ok=True)
            raise


DELETES = Opener(DeletesOnError, 100)
BEFORE_SHORT, BEFORE_LONG = Opener(ReadBeforeTheLock, 10.0), Opener(ReadBeforeTheLock, 100)


class FewRules(TaskBoardMachine):
    """Posts, moves the clock and lets bursts loose, so that a proof takes seconds."""

    claim: Any = None
    claim_next: Any = None
    change: Any = None
    prune: Any = None
    reopen_a_board: Any = None
    delete_the_index: Any = None
    damage_the_index: Any = None
    damage_a_file: Any = None
    misplace_a_file: Any = None
    write_a_file_as_others_do: Any = None
    remove_a_file: Any = None
    drop_a_file_of_ten_fields: Any = None
    keep_a_version: Any = None
    restore_a_version: Any = None
    edit_in_place: Any = None


class ReadBeforeMachine(FewRules):
    names: ClassVar = {10.0: f"{__name__}:BEFORE_SHORT", 100: f"{__name__}:BEFORE_LONG"}


class SeededMachine(TaskBoardMachine):
    """The machine as it is, with a seed of its own."""


class SequentialMachine(ReadBeforeMachine):
    """All rules but bursts, and but damaged files, which this board's claim trips over."""

    claim = TaskBoardMachine.claim
    claim_next = TaskBoardMachine.claim_next
    change = TaskBoardMachine.change
    prune = TaskBoardMachine.prune
    reopen_a_board = TaskBoardMachine.reopen_a_board
    edit_in_place = TaskBoardMachine.edit_in_place
    burst: Any = None


def steps_to_a_violation(machine: type[RuleBasedStateMachine], seed: int) -> list[str]:
    """What was violated and the steps to it, made smaller; nothing if nothing was."""
    few = settings(
        database=None,
        max_examples=40,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        stateful_step_count=4,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=few)
    except AssertionError as error:
        notes = "\n".join(error.__notes__).splitlines()
        return [str(error).splitlines()[0], *(note for note in notes if is_a_step(note))]
    return []


# Several, for what Hypothesis draws from one seed depends on the modules that are imported.
SEEDS = range(5)


def is_a_step(note: str) -> bool:
    rules = ("post", "burst", "advance_the_clock", "claim", "change")
    return note.startswith(tuple(f"state.{rule}" for rule in rules))


def test_a_race_is_convicted_through_a_burst_and_becomes_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Counted, so that it takes two seconds, and the same way on a slow machine. Without a limit
    # Hypothesis comes down to a post and two claims with one preemption, in some 800 runs.
    monkeypatch.setattr(engine, "MAX_SHRINKS", 12)
    found = (steps_to_a_violation(ReadBeforeMachine, seed) for seed in SEEDS)
    violation, *steps = next(filter(None, found), ["nothing was violated"])
    print(f"{len(steps)} steps: {violation}")
    assert violation.startswith(("S1", "S3", "S4", "S6")), violation
    assert len(steps) <= 3, steps
    assert steps[-1].startswith("state.burst")


def test_without_bursts_the_same_race_is_seen_by_nobody() -> None:
    assert not any(steps_to_a_violation(SequentialMachine, seed) for seed in SEEDS)


def test_bursts_contend_at_both_gates_on_boards_that_have_been_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executions: list[Execution] = []
    gates: list[bool] = []

    def running(*args: Any, in_processes: bool) -> Execution:
        gates.append(in_processes)
        executions.append(run_burst(*args, in_processes=in_processes))
        return executions[-1]

    monkeypatch.setattr(proofs.machine, "run_burst", running)
    few = settings(database=None, max_examples=8, stateful_step_count=30, deadline=None)
    counts: dict[str, int] = {}
    for seed in range(5 * len(SEEDS)):
        run_state_machine_as_test(hypothesis.seed(seed)(SeededMachine), settings=few)
        counts = counted(executions, gates)
        if all(counts.values()):
            break
    print(counts)
    assert all(counts.values()), counts


def counted(executions: list[Execution], gates: list[bool]) -> dict[str, int]:
    """How many bursts were such as a race needs; none of a kind, and nothing was shown of it."""
    return {
        "in threads": gates.count(False),
        "in processes": gates.count(True),
        "preempted": sum(preemptions(one.trace) > 0 for one in executions),
        "contended": sum(map(contended, executions)),
        "with claims from before": sum(map(held_before, executions)),
    }


def contended(execution: Execution) -> bool:
    """Whether two agents were at one task at once, and one of them changed something."""
    changes = [one for one in execution.history.operations if one.name in CHANGES]
    return any(
        one.agent != other.agent
        and overlap(one, other)
        and "ok" in (one.outcome, other.outcome)
        and (None in (task_of(one), task_of(other)) or task_of(one) == task_of(other))
        for one, other in combinations(changes, 2)
    )


def held_before(execution: Execution) -> bool:
    return any(task["status"] in ("CLAIMED", "IN_PROGRESS") for task in execution.history.posted)


def test_bursts_hold_where_the_clock_of_the_disk_ticks_once_a_second() -> None:
    few = settings(derandomize=True, database=None, max_examples=8, stateful_step_count=30)
    with ticking_every(10**9):
        run_state_machine_as_test(TaskBoardMachine, settings=settings(few, deadline=None))


def test_writes_told_apart_by_a_pause_say_nothing_of_a_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter([0, 0, 0, 10**7])
    late = 0
    look = os.fstat

    def kept_waiting(descriptor: int) -> Any:
        nonlocal late
        late += next(pauses, 0) + 1000
        parts = look(descriptor)
        return os.stat_result((*parts[:10],), {"st_mtime_ns": late})

    monkeypatch.setattr(os, "fstat", kept_waiting)
    assert FileClock.of(tmp_path / "clock").fine


CLAIMED = {"status": "CLAIMED", "claimed_by": "a1", "claimed_at": START, "attempts": 1}
COMPLETED = CLAIMED | {"status": "COMPLETED", "result": 1}


def before(**state: Any) -> dict[str, Any]:
    """A task as a history tells of one that was there, pending if nothing else is said."""
    fields = {"task_id": "t1", "task_type": "A", "priority": 1, "created_at": START}
    usual = {"claimed_by": None, "claimed_at": None, "lease_seconds": 10.0, "result": None}
    counts = {"status": "PENDING", "token": 1, "largest_token": 1, "attempts": 0, "noticed": True}
    return fields | usual | counts | state


def call(name: str, agent: str = "a2", *, after: float = 1.0, token: int = 2, **how: Any) -> Any:
    """The only call of a burst that began so many seconds after the claim before."""
    times = (0, 9, START + after, START + after + 1e-5)
    grants = name in ("claim", "claim_next") and how.get("outcome", "ok") == "ok"
    answer = {"task_id": "t1", "token": token} if grants else None
    arguments = {} if name == "claim_next" else {"task_id": "t1"}
    arguments |= how.get("under", {})
    return Operation(agent, name, arguments, *times, how.get("outcome", "ok"), answer)


def judged(task: dict[str, Any], *calls: Operation, **left: Any) -> set[str]:
    """What a burst of these calls, which left the task so, violates."""
    final = [task | left] if left else None
    history = History([task], calls)
    execution = Execution(Scenario((), ()), history, [], None, frozenset(), final, {})
    promises = Promises(lease_seconds=10.0, attempts_max=3)
    return {verdict.invariant for verdict in violations(check(execution, promises))}


@pytest.mark.parametrize(
    ("task", "calls", "left"),
    [
        pytest.param(CLAIMED, [call("claim", after=10.0)], {}, id="a lapsed claim taken over"),
        pytest.param(CLAIMED, [call("claim", outcome="refused")], {}, id="a claim that holds"),
        pytest.param(
            CLAIMED,
            [call("claim", "a1", outcome="refused")],
            {"status": "CLAIMED"},
            id="its holder refused and still its holder",
        ),
        pytest.param(CLAIMED, [call("complete", "a1", under={"token": 1})], {}, id="completed"),
        pytest.param(
            {"noticed": False}, [call("claim_next", outcome="refused")], {}, id="not noticed"
        ),
        pytest.param(
            CLAIMED | {"attempts": 3},
            [call("claim_next", after=10.0, outcome="refused")],
            {"status": "FAILED"},
            id="attempts used up",
        ),
        pytest.param(
            COMPLETED, [call("claim", outcome="refused")], {"result": 1}, id="a result from before"
        ),
    ],
)
def test_what_an_order_from_the_state_before_explains_is_not_convicted(
    task: dict[str, Any], calls: list[Operation], left: dict[str, Any]
) -> None:
    assert judged(before(**task), *calls, **left) == set()


@pytest.mark.parametrize(
    ("invariant", "task", "calls", "left"),
    [
        pytest.param("S4", CLAIMED, [call("claim")], {}, id="taken over too early"),
        pytest.param(
            "S4",
            CLAIMED | {"lease_seconds": 100.0},
            [call("claim", after=11.0)],
            {},
            id="taken over by the lease of another board",
        ),
        pytest.param("S2", {"largest_token": 5}, [call("claim")], {}, id="a token from before"),
        pytest.param(
            "S5", CLAIMED, [call("complete", under={"token": 7})], {}, id="under a foreign token"
        ),
        pytest.param("S14", COMPLETED, [call("claim")], {}, id="granted though completed"),
        pytest.param("S9", COMPLETED, [call("complete")], {}, id="completed again"),
        pytest.param("S13", {}, [call("claim_next", outcome="refused")], {}, id="none was found"),
        pytest.param(
            "S13",
            CLAIMED,
            [call("claim_next", after=10.0, outcome="refused")],
            {},
            id="a lapsed claim was not found",
        ),
        pytest.param("S6", CLAIMED, [], {"status": "PENDING"}, id="changed by nobody"),
    ],
)
def test_what_no_order_from_the_state_before_explains_is_convicted(
    invariant: str, task: dict[str, Any], calls: list[Operation], left: dict[str, Any]
) -> None:
    assert invariant in judged(before(**task), *calls, **left)


RACE = Scenario(
    (),
    (("a1", (Ask("claim_next"), Ask("complete"))), ("a2", (Ask("claim", "t1"), Ask("list_all")))),
    Interleaving(kind="turns", turns=(("a1", 30), ("a2", 9))),
)


@pytest.fixture
def used(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of a board on which a1 has claimed t1 and t2 is pending."""
    original = tmp_path / "original"
    board = LONG(str(original), clock=lambda: START)
    for task_id in ("t1", "t2"):
        board.post(Task(task_id, "CODE_ANALYSIS", "…", created_at=START))
    assert board.claim("t1", "a1")

    def copied(name: str) -> Path:
        shutil.copytree(original, tmp_path / name / "board")
        return tmp_path / name / "board"

    return copied


def raced(storage: Path, *, in_processes: bool) -> Execution:
    tasks = [before(**CLAIMED), before(task_id="t2", token=0, largest_token=0)]
    tasks[0] |= {"lease_seconds": 100}
    clock = SharedTime(int(START * 1e9))
    name = "proofs.machine_boards:LONG"
    return run_burst(RACE, name, storage, clock, tasks, in_processes=in_processes)


def test_a_burst_is_the_same_in_threads_and_in_processes(used: Callable[[str], Path]) -> None:
    threads = raced(used("threads"), in_processes=False)
    processes = raced(used("processes"), in_processes=True)
    assert threads.history == processes.history
    assert threads.final == processes.final
    granted = [one.answer for one in threads.history.operations if one.name == "claim_next"]
    assert granted == [{"task_id": "t2", "token": 2}]
    convict(threads, Promises(lease_seconds=100, attempts_max=3))


def test_after_a_burst_nothing_stays_replaced(used: Callable[[str], Path]) -> None:
    clock = time.time
    raced(used("board"), in_processes=False)
    assert os.open is files.real("open")
    assert time.time is clock


def test_a_burst_that_breaks_a_promise_tells_who_asked_what(used: Callable[[str], Path]) -> None:
    execution = raced(used("board"), in_processes=False)
    stolen = replace(execution.history.operations[0], answer={"task_id": "t1", "token": 9})
    told = replace(execution, history=replace(execution.history, operations=[stolen]), final=None)
    with pytest.raises(AssertionError, match=r"S4 violated: t1(.|\n)*effects .*a1 claim_next"):
        convict(told, Promises(lease_seconds=100, attempts_max=3))


@pytest.mark.parametrize("in_processes", [False, True], ids=["threads", "processes"])
def test_a_fault_within_a_burst_excuses_what_it_raises_and_nothing_else(
    used: Callable[[str], Path], in_processes: bool
) -> None:
    claims = (("a1", (Ask("claim", "t2", fenced=False),)), ("a2", (Ask("list_all"),)))
    what = KILL if in_processes else "EIO"
    fault = Fault("a1", "before", "replace * -> t2.json", 1, what)
    scenario = Scenario((), claims, faults=(fault,))
    for board, lost in (("proofs.machine_boards:LONG", False), (f"{__name__}:DELETES", True)):
        storage, clock = used(board[-7:]), SharedTime(int(START * 1e9))
        tasks = [before(task_id="t2", token=0, largest_token=0)]
        tasks += [before(**CLAIMED) | {"lease_seconds": 100}]
        execution = run_burst(scenario, board, storage, clock, tasks, in_processes=in_processes)
        assert execution.history.operations[0].outcome == "unknown"
        promises = Promises(lease_seconds=100, attempts_max=3)
        if not lost or in_processes:  # who is dead comes to no error path
            convict(execution, promises)
        else:
            with pytest.raises(AssertionError, match=r"S7(.|\n)*with EIO before"):
                convict(execution, promises)
