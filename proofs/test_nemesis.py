"""Faults happen exactly where they say, in both gates alike, and shrink with the scenario."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import find, given, settings

from proofs.broken_boards.base import LockAndScan
from proofs.harness.clock import SharedTime
from proofs.harness.conviction import convict, counterexample_of
from proofs.harness.counterexample import load, save
from proofs.harness.determinism import compare
from proofs.harness.doors.files import real
from proofs.harness.execution import Execution, NotApplicableError
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.interception import interception
from proofs.harness.nemesis import Nemesis, of_those_left
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from proofs.harness.turns import pattern_of
from strategies.faults import KILL, Fault, fault_plans, stop_for
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario, scenarios
from swarm.task import Task

BASE = "proofs.broken_boards.base:LockAndScan"
CLAIM_AND_COMPLETE = (Ask("claim_next"), Ask("complete"))
SCENARIO = Scenario(
    (PostedTask("t1"), PostedTask("t2")),
    (("a1", CLAIM_AND_COMPLETE), ("a2", (Ask("claim_next"),))),
)


class Beating(LockAndScan):
    """Beats once a second, in a thread of its own, while it completes; takes three seconds."""

    def complete(self, task_id: str, result: object, token: int | None = None) -> bool:
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(done,))
        thread.start()
        time.sleep(3)
        done.set()
        thread.join()
        return super().complete(task_id, result, token)

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(1):
            os.stat(self.path)


class DeletesOnError(LockAndScan):
    """An error path that deletes the task instead of the temporary file."""

    def write(self, task: Task) -> None:
        try:
            super().write(task)
        except OSError:
            os.unlink(self.file(task.task_id))
            raise


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with Gates(ProvenBoard.named(BASE), tmp_path_factory.mktemp("run") / "board") as gates:
        yield gates


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    board = ProvenBoard.named("proofs.our_board:TaskBoard")
    with Gates(board, tmp_path_factory.mktemp("ours") / "board") as gates:
        yield gates


def struck(execution: Execution) -> list[str]:
    return [step.label() for step in execution.trace if step.is_struck]


def answers(execution: Execution) -> list[str]:
    return [f"{o.agent} {o.name}: {o.response()}" for o in execution.history.operations]


def run(gates: Gates, gate: GateName, *faults: Fault, scenario: Scenario = SCENARIO) -> Execution:
    return gates.run(replace(scenario, faults=faults), gate)


def in_both(gates: Gates, *faults: Fault, scenario: Scenario = SCENARIO) -> Execution:
    """Run in each gate, in each guarded as well; all must be one execution."""
    first = run(gates, "threads", *faults, scenario=scenario)
    for gate in GATES:
        for guarded in (False, True):
            again = gates.run(first.scenario, gate, guarded=guarded)
            assert not again.unseen
            compare(first, again)
    return first


def agent(execution: Execution, name: str) -> list[str]:
    return [step.label() for step in execution.trace if step.agent == name]


@given(plan=fault_plans(["a1", "a2"], can_kill=True))
def test_faults_come_back_from_json_as_they_were(plan: tuple[Fault, ...]) -> None:
    scenario = replace(SCENARIO, faults=plan)
    assert Scenario.from_json(scenario.to_json()) == scenario
    assert ("faults" in scenario.to_json()) == bool(plan)


def test_a_fault_is_written_to_be_read() -> None:
    fault = Fault("a1", "before", "replace *.tmp -> t1.json", 2, "ENOSPC", lasts=True)
    line = ["a1", "before", "replace *.tmp -> t1.json", 2, "ENOSPC", "from then on"]
    assert fault.to_json() == line and Fault.from_json(line) == fault
    told = "ENOSPC before the second 'replace *.tmp -> t1.json' of a1, from then on"
    assert str(fault) == told


def test_plans_shrink_to_no_fault_at_all() -> None:
    assert find(fault_plans(["a1", "a2"], can_kill=True), lambda plan: True) == ()
    one = find(fault_plans(["a1", "a2"], can_kill=True), lambda plan: len(plan) > 0)
    assert len(one) == 1 and one[0].occurrence == 1 and not one[0].lasts


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["a1", "before", "*", 1, "EINTR"], "what must be one of"),
        (["a1", "before", "*", 1, "SIGSTOP"], "what must be one of"),
        (["a1", "middle", "*", 1, stop_for(1)], "must happen before or after, got 'middle'"),
        (["a1", "before", "*", 1, "short write"], "must happen middle, got 'before'"),
        (["a1", "before", "*", 0, "EIO"], "occurrence must be at least 1, got 0"),
        (["a1", "before", "*", 1, "EIO", "at times"], "must end with 'from then on'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_words(
    fields: list[object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Fault.from_json(fields)


REPLACE = "replace .t1.*.tmp -> t1.json"
WRITE = "write .t1.*.tmp"


@pytest.mark.parametrize(
    ("fault", "expected", "first_answers"),
    [
        (
            Fault("a1", "before", REPLACE, 1, "ENOSPC"),
            f"{REPLACE} (OSError, fault before: ENOSPC)",
            ["a1 claim_next: raised OSError: [Errno 28]", "a2 claim_next: t1 token 1"],
        ),
        (
            Fault("a1", "before", REPLACE, 2, "EACCES"),
            f"{REPLACE} (PermissionError, fault before: EACCES)",
            ["a1 claim_next: t1", "a1 complete: raised PermissionError", "a2 claim_next: t2"],
        ),
        (
            Fault("a1", "after", REPLACE, 1, "EIO"),
            f"{REPLACE} (OSError, fault after: EIO)",
            ["a1 claim_next: raised OSError: [Errno 5]", "a2 claim_next: t2 token 1"],
        ),
        (
            Fault("a1", "middle", WRITE, 1, "EDQUOT"),
            f"{WRITE} (OSError, fault middle: EDQUOT)",
            ["a1 claim_next: raised OSError: ", "a2 claim_next: t1 token 1"],
        ),
        (
            Fault("a1", "middle", WRITE, 1, "short write"),
            f"{WRITE} (fault middle: short write)",
            ["a1 claim_next: t1 token 1", "a1 complete: ok", "a2 claim_next: t2 token 1"],
        ),
        (
            Fault("a1", "after", "open w create .board.lock", 1, "EMFILE"),
            "open w create .board.lock (OSError, fault after: EMFILE)",
            ["a1 claim_next: raised OSError: [Errno 24]", "a2 claim_next: t1 token 1"],
        ),
        (
            Fault("a1", "before", "close .board.lock", 1, "EIO"),
            "close .board.lock (OSError, fault before: EIO)",
            ["a1 claim_next: raised OSError: [Errno 5]", "a2 claim_next: t2 token 1"],
        ),
        (
            Fault("a1", "before", REPLACE, 1, "KeyboardInterrupt"),
            f"KeyboardInterrupt before {REPLACE}",
            ["a1 claim_next: raised KeyboardInterrupt", "a2 claim_next: t1 token 1"],
        ),
        (
            Fault("a1", "after", REPLACE, 1, "SIGTERM"),
            f"SIGTERM after {REPLACE}",
            ["a1 claim_next: raised SystemExit: 143", "a2 claim_next: t2 token 1"],
        ),
        (
            Fault("a1", "before", REPLACE, 1, stop_for(7200)),
            f"SIGSTOP for 7200 s before {REPLACE} (waits)",
            ["a1 claim_next: t1 token 1", "a2 claim_next: t2 token 1", "a1 complete: ok"],
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Fault) else "",
)
def test_a_fault_happens_where_it_says_in_both_gates_alike(
    gates: Gates, fault: Fault, expected: str, first_answers: list[str]
) -> None:
    """What it does to the world shows in what the others find there."""
    execution = in_both(gates, fault)
    found = faults_of(execution)
    assert found == [f"a1: {expected}"]
    assert execution.stuck is None and not any(execution.descriptors.values())
    told = answers(execution)
    assert len(told) == len(first_answers), told
    assert all(map(str.startswith, told, first_answers)), told


def faults_of(execution: Execution) -> list[str]:
    """The faults of a trace, with stars for what chance made of a name."""
    return [pattern_of(label) for label in struck(execution)]


def test_an_open_that_failed_afterwards_left_no_descriptor(gates: Gates) -> None:
    """The file is there, and nobody closes what nobody was given."""
    execution = in_both(gates, Fault("a1", "after", "open w .t1.*.tmp", 1, "EIO"))
    labels = [pattern_of(label) for label in agent(execution, "a1")]
    assert labels[-2:] == [
        "a1: open w .t1.*.tmp (OSError, fault after: EIO)",
        "a1: close .board.lock",
    ]
    assert ".t1.*.tmp" in execution.files


def test_an_error_names_the_files_as_the_system_does(tmp_path: Path) -> None:
    seen: list[OSError] = []

    def program() -> None:
        for act in (
            lambda: os.replace(tmp_path / "a", tmp_path / "b"),
            lambda: (tmp_path / "c").write_text("x"),
            lambda: os.stat(tmp_path / "d"),
        ):
            try:
                act()
            except OSError as error:
                seen.append(error)

    faults = [
        Fault("a1", "before", "replace *", 1, "ESTALE"),
        Fault("a1", "before", "write *", 1, "EIO"),
        Fault("a1", "before", "stat *", 1, "ENOENT"),
    ]
    alone(tmp_path, faults, program)
    assert [error.errno for error in seen] == [errno.ESTALE, errno.EIO, errno.ENOENT]
    assert [error.filename for error in seen] == [
        str(tmp_path / "a"),
        None,
        str(tmp_path / "d"),
    ]
    assert seen[0].filename2 == str(tmp_path / "b")
    assert isinstance(seen[2], FileNotFoundError)


def alone(root: Path, faults: list[Fault], program: object) -> ThreadGate:
    """One agent, not on a board."""
    gate = ThreadGate(
        root, Switches({}), SharedTime(int(START * 1e9)), nemesis=Nemesis.of(tuple(faults))
    )
    with interception():
        gate.run({"a1": program})  # type: ignore[dict-item]
    return gate


@pytest.mark.parametrize("what", ["short write", "EIO"])
@pytest.mark.parametrize("way", ["os.write", "os.writev", "open"])
def test_half_of_a_write_is_really_written(tmp_path: Path, way: str, what: str) -> None:
    path = tmp_path / "file"
    told: list[int | None] = []

    def program() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            if way == "os.write":
                told.append(os.write(descriptor, b"0123456789"))
            elif way == "os.writev":
                told.append(os.writev(descriptor, [b"01234", b"56789"]))
            else:
                with open(descriptor, "wb", buffering=0, closefd=False) as file:
                    told.append(file.write(b"0123456789"))
        except OSError as error:
            told.append(error.errno)
        finally:
            os.close(descriptor)

    alone(tmp_path, [Fault("a1", "middle", "write file", 1, what)], program)
    assert path.read_bytes() == b"01234"
    assert told == [5 if what == "short write" else errno.EIO]


def test_a_sync_that_lies_answers_and_does_nothing(tmp_path: Path) -> None:
    """The descriptor is closed behind the doors, so that a true one would raise."""
    told: list[object] = []

    def program() -> None:
        descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        real("close")(descriptor)
        for _ in range(2):
            try:
                os.fsync(descriptor)
                told.append("done")
            except OSError as error:
                told.append(error.errno)

    alone(tmp_path, [Fault("a1", "before", "fsync *", 1, "fsync lies")], program)
    assert told == ["done", errno.EBADF]


def test_a_sync_may_fail_once_and_then_succeed(tmp_path: Path) -> None:
    told: list[object] = []

    def program() -> None:
        with open(tmp_path / "file", "wb") as file:
            for _ in range(2):
                try:
                    os.fsync(file.fileno())
                    told.append("done")
                except OSError as error:
                    told.append(error.errno)

    alone(tmp_path, [Fault("a1", "before", "fsync *", 1, "EIO")], program)
    assert told == [errno.EIO, "done"]


def test_a_fault_happens_once_or_from_then_on_to_one_or_to_any(gates: Gates) -> None:
    once = Fault("a1", "before", "open r t1.json", 1, "EIO")
    assert len(struck(in_both(gates, once))) == 1
    third = replace(once, agent="any", occurrence=3)  # a1 reads it twice
    assert struck(in_both(gates, third)) == ["a2: open r t1.json (OSError, fault before: EIO)"]
    on = replace(once, lasts=True)
    assert len(struck(in_both(gates, on, scenario=polling(("a1", 3))))) == 3
    any_on = replace(once, agent="any", occurrence=2, lasts=True)
    execution = in_both(gates, any_on, scenario=polling(("a1", 2), ("a2", 2)))
    assert [label.partition(":")[0] for label in struck(execution)] == ["a1", "a2", "a2"]


def polling(*agents: tuple[str, int]) -> Scenario:
    return Scenario(
        SCENARIO.tasks, tuple((name, (Ask("claim_next"),) * count) for name, count in agents)
    )


def test_faults_that_never_come_to_their_effects_change_nothing(gates: Gates) -> None:
    plain = in_both(gates)
    never = [
        Fault("a1", "before", "replace *", 9, "EIO"),
        Fault("a3", "before", "*", 1, "EIO"),
        Fault("a1", "before", "fsync *", 1, "fsync lies"),
        Fault("a1", "middle", "call *", 1, "EIO"),
    ]
    execution = in_both(gates, *never)
    assert struck(execution) == []
    assert (execution.trace, execution.history) == (plain.trace, plain.history)


def test_what_an_interruption_left_locked_is_let_go_by_the_board(gates: Gates) -> None:
    """It goes through the board as any exception; at an end of a lock it comes afterwards."""
    for where in ("close .board.lock", WRITE, "flock *", "listdir *"):
        execution = in_both(gates, Fault("a1", "before", where, 1, "KeyboardInterrupt"))
        assert execution.stuck is None
        if where != "flock *":  # this board leaks its descriptor there, as R1 would tell
            assert not any(execution.descriptors.values()), where
        assert answers(execution)[0] == "a1 claim_next: raised KeyboardInterrupt"


def test_waiting_for_a_stopped_agent_is_no_deadlock(gates: Gates) -> None:
    fault = Fault("a1", "before", REPLACE, 1, stop_for(7200))
    turns = Interleaving("stops", stops=(("a1", f"SIGSTOP for 7200 s before {REPLACE}", 1),))
    execution = in_both(gates, fault, scenario=replace(SCENARIO, interleaving=turns))
    assert execution.stuck is None
    claims = [o for o in execution.history.operations if o.name == "claim_next"]
    assert [claim.answer["task_id"] for claim in claims] == ["t1", "t2"]
    assert all(claim.ended >= START + 7200 for claim in claims)


def test_who_waits_for_a_stopped_agent_comes_to_the_timeout_of_the_lock(ours: Gates) -> None:
    fault = Fault("a1", "after", "flock try exclusive .board.lock", 1, stop_for(7200))
    for gate in GATES:
        execution = run(ours, gate, fault)
        assert execution.stuck is None
        told = answers(execution)
        assert told[1].startswith("a2 claim_next: raised LockTimeoutError"), told
        waited = execution.history.operations[1]
        assert 30 <= waited.ended - waited.started < 70
        assert told[0] == "a1 claim_next: t1 token 1", told
        assert len(execution.trace) < 300


def test_the_threads_of_a_stopped_agent_are_stopped_as_well(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("beating") / "board"
    with Gates(ProvenBoard.named(f"{__name__}:Beating"), root) as gates:
        plain = beats(run(gates, "threads"))
        fault = Fault("a1", "before", "sleep *", 1, stop_for(100))
        for gate in GATES:
            execution = run(gates, gate, fault)
            complete = next(o for o in execution.history.operations if o.name == "complete")
            assert complete.ended - complete.started >= 103
            assert 2 <= beats(execution) <= plain + 1 < 10


def beats(execution: Execution) -> int:
    return sum(label.startswith("a1.1: stat .") for label in agent(execution, "a1.1"))


@pytest.fixture
def kill() -> Fault:
    return Fault("a1", "before", REPLACE, 1, KILL)


def test_a_killed_agent_really_dies_and_the_others_go_on(gates: Gates, kill: Fault) -> None:
    run(gates, "processes")
    assert gates._processes is not None
    first, second = gates._processes.pids[:2]
    execution = run(gates, "processes", kill)
    assert not is_there(first) and is_there(second)
    closes = "which closes .board.lock"
    assert faults_of(execution) == [f"a1: SIGKILL before {REPLACE}, {closes}"]
    assert answers(execution) == ["a1 claim_next: killed", "a2 claim_next: t1 token 1"]
    assert execution.history.operations[0].outcome == "unknown"
    assert execution.stuck is None and ".t1.*.tmp" in execution.files
    compare(execution, run(gates, "processes", kill))
    compare(execution, gates.run(execution.scenario, "processes", guarded=True))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_who_waits_for_the_lock_of_a_killed_agent_gets_it(gates: Gates, kill: Fault) -> None:
    killed = f"SIGKILL before {REPLACE}, which closes .board.lock"
    stops = (("a1", killed, 1), ("a2", None, 0))
    scenario = replace(SCENARIO, interleaving=Interleaving("stops", stops=stops))
    execution = run(gates, "processes", kill, scenario=scenario)
    assert "a2: flock exclusive .board.lock (waits)" in agent(execution, "a2")
    assert answers(execution) == ["a1 claim_next: killed", "a2 claim_next: t1 token 1"]


def test_a_kill_in_the_middle_of_a_write_leaves_half_of_it(gates: Gates) -> None:
    execution = run(gates, "processes", Fault("a1", "middle", WRITE, 1, KILL))
    assert faults_of(execution) == [
        f"a1: {WRITE} (fault middle: cut short)",
        f"a1: SIGKILL amid {WRITE}, which closes .board.lock -> .t1.*.tmp",
    ]
    torn = next(gates.root.glob(".t1.*.tmp")).read_text()
    assert 0 < len(torn) < len((gates.root / "t1.json").read_text())


def test_all_agents_may_be_killed_and_nobody_asks_for_more(gates: Gates) -> None:
    faults = [Fault(name, "before", "call *", 1, KILL) for name in ("a1", "a2")]
    execution = run(gates, "processes", *faults)
    assert len(struck(execution)) == 2 and answers(execution) == []
    assert execution.final is not None and len(execution.final) == 2


def test_a_thread_cannot_be_killed_and_the_gate_says_so(gates: Gates, kill: Fault) -> None:
    with pytest.raises(NotApplicableError, match="a1 is killed, so it must be a process"):
        run(gates, "threads", kill)


@settings(max_examples=40)
@given(scenario=scenarios(agents_max=3), plan=fault_plans(["a1", "a2"], can_kill=True))
def test_any_plan_runs_alike_each_time_and_in_both_gates(
    gates: Gates, scenario: Scenario, plan: tuple[Fault, ...]
) -> None:
    scenario = replace(scenario, faults=plan)
    first = gates.run(scenario, "processes")
    compare(first, gates.run(scenario, "processes", guarded=True))
    if not any(fault.what == KILL for fault in plan):
        compare(first, gates.run(scenario, "threads"))


def test_a_fault_stays_at_its_effect_when_effects_before_it_are_taken_out(gates: Gates) -> None:
    fault = Fault("a1", "before", "open r t1.json", 2, "EIO")  # the first is in its claim
    execution = in_both(gates, fault)
    claim, complete = (o for o in execution.history.operations if o.agent == "a1")
    trace = execution.trace
    assert trace[complete.invoked_at + 3].is_struck
    without_claim = trace[: claim.invoked_at] + trace[claim.returned_at :]
    assert next(of_those_left([fault], trace, without_claim)).occurrence == 1
    without_others = [step for step in trace if step.agent == "a1"]
    assert next(of_those_left([fault], trace, without_others)) == fault


@pytest.mark.parametrize("gate", GATES)
def test_what_is_left_of_a_plan_is_the_fault_that_matters(gate: GateName, tmp_path: Path) -> None:
    poll = (Ask("claim_next"), Ask("complete"), Ask("claim_next"), Ask("complete"))
    faults = (
        Fault("a2", "before", "sleep *", 1, "KeyboardInterrupt"),
        Fault("a1", "middle", "write *", 1, "short write"),
        Fault("any", "before", "replace *", 3, "ENOSPC", lasts=True),
        Fault("a3", "before", "listdir *", 1, stop_for(60)),
    )
    scenario = Scenario(
        (PostedTask("t1"), PostedTask("t2"), PostedTask("t3")),
        (("a1", poll), ("a2", poll), ("a3", poll)),
        Interleaving("walk", seed=1),
        faults=faults,
    )
    with Gates(ProvenBoard.named(f"{__name__}:DeletesOnError"), tmp_path / "board") as gates:
        conviction = convict(gates, gate, gates.run(scenario, gate), "S7")
        small = conviction.execution
        assert small.scenario.faults == (Fault("any", "before", REPLACE, 1, "ENOSPC"),)
        assert len(small.scenario.tasks) == len(small.scenario.programs) == 1
        assert [ask.name for _, asks in small.scenario.programs for ask in asks] == ["claim_next"]
        assert conviction.gates == (gate, "processes" if gate == "threads" else "threads")
        assert f"ENOSPC before the first '{REPLACE}' of any" in conviction.words("board")
        assert "fault before: ENOSPC" in picture(small)
        path = save(counterexample_of(conviction, gates.board.text, gates.root), tmp_path)
        for _ in range(5):
            again = replay(load(path), gates)
            assert again.verdict is not None and again.divergence is None


def test_a_conviction_by_a_kill_names_the_effect_and_is_not_applicable_to_threads(
    tmp_path: Path,
) -> None:
    """A file that is written in place is left half-written."""
    board = ProvenBoard.named("proofs.broken_boards.write_in_place:Board")
    with Gates(board, tmp_path / "board") as gates:
        scenario = replace(SCENARIO, faults=(Fault("a1", "before", "*", 14, KILL),))
        conviction = convict(gates, "processes", gates.run(scenario, "processes"), "S8")
        assert conviction.gates == ("processes",)
        assert conviction.execution.scenario.faults == (
            Fault("a1", "before", "write t1.json", 1, KILL),
        )
        path = save(counterexample_of(conviction, board.text, gates.root, "violated"), tmp_path)
        again = replay(load(path), gates)
        assert again.verdict is not None and again.divergence is None
        with pytest.raises(NotApplicableError):
            replay(load(path), gates, "threads")
