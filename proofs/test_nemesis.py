"""Faults happen exactly where they say, in both gates alike."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from proofs.broken_boards.base import LockAndScan
from proofs.harness.checkers import check
from proofs.harness.clock import SharedTime
from proofs.harness.determinism import compare
from proofs.harness.doors.files import real
from proofs.harness.execution import Execution
from proofs.harness.gates import GATES, Gates
from proofs.harness.interception import interception
from proofs.harness.nemesis import Nemesis
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from proofs.harness.turns import pattern_of
from proofs.harness.verdict import violations
from proofs.struck_runs import (
    BASE,
    REPLACE,
    SCENARIO,
    WRITE,
    answers,
    faults_of,
    in_both,
    labels_of,
    run,
    struck,
)
from strategies.faults import KILL, Fault, fault_plans, set_clocks_by, stop_for
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, Scenario, scenarios


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


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with Gates(ProvenBoard.named(BASE), tmp_path_factory.mktemp("run") / "board") as gates:
        yield gates


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    board = ProvenBoard.named("proofs.our_board:TaskBoard")
    with Gates(board, tmp_path_factory.mktemp("ours") / "board") as gates:
        yield gates


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
            "close .board.lock (OSError, fault after: EIO)",
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


def test_an_open_that_failed_afterwards_left_no_descriptor(gates: Gates) -> None:
    """The file is there, and nobody closes what nobody was given."""
    execution = in_both(gates, Fault("a1", "after", "open w .t1.*.tmp", 1, "EIO"))
    labels = [pattern_of(label) for label in labels_of(execution, "a1")]
    assert labels[-3:] == [
        "a1: open w .t1.*.tmp (OSError, fault after: EIO)",
        "a1: unlink .t1.*.tmp",
        "a1: close .board.lock",
    ]


@pytest.mark.parametrize("way", ["fcntl.lockf", "os.lockf"])
def test_a_record_lock_that_cannot_be_had_raises_and_is_not_held(tmp_path: Path, way: str) -> None:
    """ENOLCK, and the agent that asks next gets it; letting go of one meets no error."""
    told: list[int | None] = []

    def program() -> None:
        with open(tmp_path / "file", "wb") as file:
            for _ in range(2):
                try:
                    if way == "fcntl.lockf":
                        fcntl.lockf(file, fcntl.LOCK_EX)
                        fcntl.lockf(file, fcntl.LOCK_UN)
                    else:
                        os.lockf(file.fileno(), os.F_LOCK, 0)
                        os.lockf(file.fileno(), os.F_ULOCK, 0)
                    told.append(None)
                except OSError as error:
                    told.append(error.errno)

    alone(tmp_path, [Fault("a1", "before", "lockf exclusive *", 1, "ENOLCK")], program)
    assert told == [errno.ENOLCK, None]


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
        Fault("a1", "before", "call *", 1, "KeyboardInterrupt"),
    ]
    execution = in_both(gates, *never)
    assert struck(execution) == []
    assert (execution.trace, execution.history) == (plain.trace, plain.history)


def test_what_an_interruption_left_locked_is_let_go_by_the_board(gates: Gates) -> None:
    """It goes through the board as any exception; at an end of a lock it comes afterwards."""
    for where in ("close .board.lock", WRITE, "flock *", "listdir *"):
        execution = in_both(gates, Fault("a1", "before", where, 1, "KeyboardInterrupt"))
        assert execution.stuck is None
        assert not any(execution.descriptors.values()), where
        assert answers(execution)[0] == "a1 claim_next: raised KeyboardInterrupt"


def test_clocks_that_are_set_tell_another_date_and_no_time_passes(tmp_path: Path) -> None:
    told: list[float] = []

    def program() -> None:
        for _ in range(2):
            told.extend((time.time(), time.monotonic()))
            time.sleep(10)
        (tmp_path / "file").write_text("x")

    fault = Fault("a1", "after", "sleep *", 1, set_clocks_by(-3600.25))
    alone(tmp_path, [fault], program)
    (date, monotonic), (later_date, later) = told[:2], told[2:]
    assert later - monotonic == pytest.approx(10, abs=0.001)
    assert later_date - date == pytest.approx(10 - 3600.25, abs=0.001)
    changed = (tmp_path / "file").stat().st_mtime
    assert changed == pytest.approx(later_date + 10, abs=0.001), "file times are dates"


@pytest.mark.parametrize("by_seconds", [-7200.0, 7200.0, 3599.999998])
def test_clocks_are_set_for_all_amid_the_calls_of_all(gates: Gates, by_seconds: float) -> None:
    """The claim is dated before or after; the call may have been at work at either date."""
    fault = Fault("a1", "before", REPLACE, 1, set_clocks_by(by_seconds))
    stops = (("a2", "flock exclusive .board.lock", 1), ("a1", None, 0), ("a2", None, 0))
    turns = Interleaving("stops", stops=stops)
    execution = in_both(gates, fault, scenario=replace(SCENARIO, interleaving=turns))
    assert faults_of(execution) == [f"a1: {fault.what} before {REPLACE}"]
    assert answers(execution)[:2] == ["a2 claim_next: t2 token 1", "a1 claim_next: t1 token 1"]
    for claim in execution.history.operations[:2]:
        assert claim.ended - claim.started == pytest.approx(abs(by_seconds), abs=0.001)
        assert claim.started == pytest.approx(START + min(by_seconds, 0), abs=0.001)
    assert not violations(check(execution, gates.board.promises))


def test_waiting_for_a_stopped_agent_is_no_deadlock(gates: Gates) -> None:
    fault = Fault("a1", "before", REPLACE, 1, stop_for(7200))
    turns = Interleaving("stops", stops=(("a1", f"SIGSTOP for 7200 s before {REPLACE}", 1),))
    execution = in_both(gates, fault, scenario=replace(SCENARIO, interleaving=turns))
    assert execution.stuck is None
    claims = [o for o in execution.history.operations if o.name == "claim_next"]
    assert [claim.answer["task_id"] for claim in claims] == ["t1", "t2"]
    assert all(claim.ended >= START + 7200 for claim in claims)


def test_who_waits_for_a_lock_is_woken_by_what_lets_go_of_it_and_fails(gates: Gates) -> None:
    fault = Fault("a1", "before", "close .board.lock", 1, "EIO")
    turns = Interleaving("stops", stops=(("a1", REPLACE, 1), ("a2", None, 0)))
    execution = in_both(gates, fault, scenario=replace(SCENARIO, interleaving=turns))
    assert "a2: flock exclusive .board.lock (waits)" in labels_of(execution, "a2")
    assert execution.stuck is None
    assert answers(execution)[1] == "a2 claim_next: t2 token 1"


@pytest.mark.parametrize("where", [("mkdir .", "stat ."), ("listdir .",)])
def test_what_a_fault_struck_may_raise_and_convicts_nobody(
    gates: Gates, where: tuple[str, ...]
) -> None:
    faults = [Fault("a1", "before", label, 1, "EIO") for label in where]
    scenario = Scenario(SCENARIO.tasks, (("a1", (Ask("list_all"),)), ("a2", (Ask("list_all"),))))
    execution = in_both(gates, *faults, scenario=scenario)
    assert answers(execution)[0].startswith("a1") and "raised" in answers(execution)[0]
    assert not violations(check(execution, gates.board.promises))
    told = replace(execution, trace=[step._replace(fault=None) for step in execution.trace])
    assert violations(check(told, gates.board.promises)), "by itself it must not raise"


def test_only_the_main_thread_of_an_agent_is_interrupted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("beating") / "board"
    with Gates(ProvenBoard.named(f"{__name__}:Beating"), root) as gates:
        fault = Fault("a1", "before", "*", 1, "KeyboardInterrupt", lasts=True)
        assert beats(run(gates, "threads")) >= 2
        waiting = replace(fault, where="wait <a1.1 *")
        assert struck(run(gates, "threads", waiting)) == []


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
    return sum(label.startswith("a1.1: stat .") for label in labels_of(execution, "a1.1"))


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
