"""``swarm run``: what a program does with a task, and what becomes of the task when it is cut off.

The programs are real processes; where one must be under way, it says so in a file first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.commands import (
    Said,
    done,
    end_all,
    ended,
    failed,
    is_alive,
    started,
    swarm,
    task_of,
    two_tasks,
    until,
)
from swarm.command.exit_status import ExitStatus
from swarm.command.working import result_of
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

A = ("--agent", "a1")
UNTIL_TOLD = "while :; do sleep 0.02; done"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """A board with two pending tasks; no process that works on it is left."""
    yield two_tasks(tmp_path / "board")
    end_all()


def run(storage: Path, script: str, *options: str) -> Said:
    """Let a shell script work on the next task."""
    return swarm(storage, "run", *A, "--json", *options, "--", "sh", "-c", script)


def under_way(
    storage: Path, tmp_path: Path, work: str, *options: str, first: str = ":"
) -> tuple[subprocess.Popen[str], int]:
    """A ``swarm run`` whose program has begun, after what it does ``first``; it and its pid."""
    mark = shlex.quote(str(tmp_path / "pid"))
    begin = f"{first}; echo $$ > {mark}.half; mv {mark}.half {mark}; {work}"
    process = started(storage, "run", *A, *options, "--", "sh", "-c", begin)
    until((tmp_path / "pid").exists)
    return process, int((tmp_path / "pid").read_text())


# What the program is given, and what comes of it.


def test_the_program_has_its_task_on_standard_input_and_in_its_environment(storage: Path) -> None:
    code = "import os, sys, json; print(json.dumps([json.load(sys.stdin), dict(os.environ)]))"
    stale = {"SWARM_TASK_PAYLOAD": "of another task", "KEPT": "yes"}
    asked = ["run", *A, "--json", "--", sys.executable, "-c", code]
    said = swarm(storage, "--task-bytes-max", "99999", *asked, variables=stale)
    [told] = done(said).objects
    task = task_of(storage, "t1")
    fields, environment = task.result
    assert fields["task_id"] == "t1" and fields["payload"] == {"n": 1}
    assert fields["token"] == task.token and fields["claimed_by"] == "a1"
    assert {name: value for name, value in environment.items() if name[:6] == "SWARM_"} == {
        "SWARM_STORAGE": str(storage),
        "SWARM_AGENT": "a1",
        "SWARM_TOKEN": str(task.token),
        "SWARM_TASK_ID": "t1",
        "SWARM_TASK_TYPE": "CODE_ANALYSIS",
        "SWARM_TASK_DESCRIPTION": "look",
        "SWARM_TASK_PRIORITY": "1",
        "SWARM_TASK_ATTEMPTS": "1",
        "SWARM_TASK_PAYLOAD": '{"n": 1}',
        "SWARM_TASK_BYTES_MAX": "99999",
        "SWARM_DURABILITY": "power",
        "SWARM_LOCK_TIMEOUT": "30.0",
    }
    assert environment["KEPT"] == "yes"
    assert (told["task_id"], told["token"], told["outcome"]) == ("t1", task.token, "completed")


def test_what_does_not_fit_into_a_variable_is_on_standard_input_only(storage: Path) -> None:
    large = "x" * 300_000
    task = Task("large", "a\0type", "é" * 60_000, priority=0, payload={"large": large})
    TaskBoard(storage).post(task)
    script = (
        'test -z "${SWARM_TASK_PAYLOAD+set}${SWARM_TASK_TYPE+set}${SWARM_TASK_DESCRIPTION+set}"'
    )
    stale = {"SWARM_TASK_PAYLOAD": "of another task"}
    asked = ["run", *A, "--", "sh", "-c", f"{script} && cat"]
    done(swarm(storage, *asked, variables=stale))
    assert task_of(storage, "large").result["payload"] == {"large": large}


@pytest.mark.parametrize(
    ("printed", "result"),
    [
        (b'{"n": [1, "\xc3\xa9"]}\n', {"n": [1, "é"]}),
        (b"null", None),
        (b"3", 3),
        (b"two\nlines\n\n", {"output": "two\nlines"}),
        (b"", {"output": ""}),
        (b"{'n': NaN}", {"output": "{'n': NaN}"}),
        (b"NaN", {"output": "NaN"}),
        (b"1 2", {"output": "1 2"}),
        (b"\xff\x00", {"output": "\\xff\x00"}),
        (b"[" * 101 + b"]" * 101, {"output": "[" * 101 + "]" * 101}),
    ],
)
def test_output_that_is_json_is_the_result_and_any_other_is_text(
    printed: bytes, result: Any
) -> None:
    assert result_of(printed) == result


def test_a_program_that_does_not_read_its_task_is_not_to_blame(storage: Path) -> None:
    board = TaskBoard(storage)
    board.post(Task("large", "x", "", priority=0, payload={"large": "x" * 3_000_000}))
    done(run(storage, "exec 0<&-; sleep 0.3; echo 1"))
    assert task_of(storage, "large").result == 1


def test_a_large_task_and_a_large_output_do_not_wait_for_each_other(storage: Path) -> None:
    """The program writes all the while that it reads: neither pipe may be left to fill up."""
    TaskBoard(storage).post(Task("large", "x", "", priority=0, payload={"l": "x" * 2_000_000}))
    done(run(storage, "cat"))
    assert task_of(storage, "large").result["payload"] == {"l": "x" * 2_000_000}


def test_a_program_that_fails_fails_its_task_with_its_last_words(
    storage: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [told] = done(run(storage, "echo ignored; echo first >&2; echo last >&2; exit 7")).objects
    task = task_of(storage, "t1")
    assert task.status is TaskStatus.FAILED
    assert task.result == {"error": "exit status 7: first\nlast"}
    assert (told["outcome"], told["exit_status"]) == ("failed", 7)
    assert capfd.readouterr().err == "first\nlast\n", "what it says is passed on as it says it"


def test_of_long_last_words_the_end_is_kept(storage: Path) -> None:
    script = (
        "i=0; while [ $i -lt 900 ]; do echo line $i of many words; i=$((i+1)); done >&2; exit 1"
    )
    done(run(storage, script))
    error = task_of(storage, "t1").result["error"]
    assert error.endswith("line 899 of many words") and "line 880 " in error
    assert "line 879 " not in error and len(error) <= 4000


def test_a_program_that_is_killed_fails_its_task(storage: Path) -> None:
    [told] = done(run(storage, "kill -9 $$")).objects
    assert task_of(storage, "t1").result == {"error": "killed by SIGKILL"}
    assert told["exit_status"] == -9


def test_a_program_may_be_tried_again_but_not_for_ever(storage: Path) -> None:
    outcomes = [
        done(run(storage, "exit 1", "--retry", "--attempts-max", "3")).objects[0]["outcome"]
        for _ in range(3)
    ]
    assert outcomes == ["retried", "retried", "failed"]
    assert task_of(storage, "t1").status is TaskStatus.FAILED


def test_output_that_is_too_large_is_refused_with_words(storage: Path) -> None:
    """While it is printed: a program that never ends is stopped."""
    asked = ["run", *A, "--json", "--", "sh", "-c", "while :; do echo 0123456789; done"]
    [told] = done(swarm(storage, "--task-bytes-max", "100000", *asked)).objects
    assert told["outcome"] == "failed"
    assert task_of(storage, "t1").result == {"error": "its output has more than 100000 bytes"}


def test_output_that_is_too_large_beside_the_payload_is_refused_with_words(storage: Path) -> None:
    TaskBoard(storage).post(Task("half", "x", "", priority=0, payload={"l": "x" * 600}))
    asked = ["run", *A, "--", "sh", "-c", "printf '%0700d' 0"]
    said = done(swarm(storage, "--task-bytes-max", "1000", *asked))
    assert "failed" in said.out and "at most 1000 bytes" in said.out
    assert "at most 1000 bytes" in task_of(storage, "half").result["error"]


def test_what_a_program_leaves_running_does_not_hold_up_its_task(storage: Path) -> None:
    """It keeps the pipes open; its output up to the program's own end counts."""
    [told] = done(run(storage, "sleep 60 & echo $!")).objects
    pid = task_of(storage, "t1").result
    assert told["seconds"] < 30 and is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_nothing_to_claim_has_its_status_and_the_program_does_not_run(
    storage: Path, tmp_path: Path
) -> None:
    asked = ["run", *A, "--type", "none", "--wait-seconds", "0.1", "--"]
    said = swarm(storage, *asked, "touch", str(tmp_path / "ran"))
    failed(said, ExitStatus.NOTHING, "nothing to claim")
    assert not (tmp_path / "ran").exists()


def test_a_program_that_is_none_takes_no_task(storage: Path, tmp_path: Path) -> None:
    """Neither one that cannot be found nor, which shows later, one that cannot be executed."""
    failed(swarm(storage, "run", *A, "--", "no-such-program"), ExitStatus.USAGE, "no-such-program")
    failed(swarm(storage, "run", *A), ExitStatus.USAGE, "CMD")
    assert task_of(storage, "t1").attempts == 0
    bad = tmp_path / "bad"
    bad.write_text("#!/no/such/interpreter\n")
    bad.chmod(0o755)
    failed(swarm(storage, "run", *A, "--", str(bad)), ExitStatus.USAGE, "pending again")
    assert task_of(storage, "t1").status is TaskStatus.PENDING


# The lease.


def test_the_lease_is_renewed_while_the_program_runs(storage: Path, tmp_path: Path) -> None:
    """For more than a lease, as the file tells."""
    stop = shlex.quote(str(tmp_path / "stop"))
    script = f"until [ -e {stop} ]; do sleep 0.02; done; echo 1"
    process, _ = under_way(storage, tmp_path, script, "--lease-seconds", "0.5")
    first = task_of(storage, "t1").claimed_at
    assert first is not None
    until(lambda: (task_of(storage, "t1").claimed_at or 0) > first + 0.6)
    (tmp_path / "stop").touch()
    done(ended(process))
    task = task_of(storage, "t1")
    assert (task.status, task.result, task.attempts) == (TaskStatus.COMPLETED, 1, 1)


def test_a_program_whose_lease_is_lost_is_stopped_and_writes_nothing(
    storage: Path, tmp_path: Path
) -> None:
    """Taken by another in the middle, long before the next renewal: the result is the other's."""
    process, pid = under_way(storage, tmp_path, f"sleep 60 & {UNTIL_TOLD}", "--json")
    board = TaskBoard(storage)
    assert board.release("t1") and board.claim("t1", "a2")
    said = ended(process)
    assert said.status == ExitStatus.REFUSED
    told = json.loads(said.error)
    assert "held by 'a2'" in told["error"] and "superseded" in told["error"]
    assert said.objects[0]["outcome"] == "superseded" and not is_alive(pid)
    task = task_of(storage, "t1")
    assert (task.status, task.claimed_by) == (TaskStatus.CLAIMED, "a2")


def test_a_task_that_a_person_cancels_is_no_longer_worked_on(storage: Path, tmp_path: Path) -> None:
    process, pid = under_way(storage, tmp_path, UNTIL_TOLD)
    done(swarm(storage, "cancel", "t1", "--force"))
    said = ended(process)
    assert said.status == ExitStatus.REFUSED and "is CANCELLED" in said.error
    assert not is_alive(pid)


def stop_between_operations(process: subprocess.Popen[str], storage: Path) -> None:
    """Stop an agent that does not hold the board's lock: it would keep all others out."""
    with (storage / ".board.lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)


def test_an_agent_that_was_stopped_for_longer_than_its_lease_does_not_complete(
    storage: Path, tmp_path: Path
) -> None:
    """The program itself goes on, and ends with a result, before its agent wakes up."""
    go = shlex.quote(str(tmp_path / "go"))
    script = f"until [ -e {go} ]; do sleep 0.02; done; echo late"
    process, pid = under_way(storage, tmp_path, script, "--lease-seconds", "0.3", "--json")
    stop_between_operations(process, storage)
    said = swarm(storage, "claim", "t1", "--agent", "a2", "--wait-seconds", "60", "--json")
    token = done(said).objects[0]["token"]
    (tmp_path / "go").touch()
    until(lambda: not is_alive(pid))
    process.send_signal(signal.SIGCONT)
    late = ended(process)
    assert late.status == ExitStatus.REFUSED and late.objects[0]["outcome"] == "superseded"
    done(swarm(storage, "complete", "t1", "--agent", "a2", "--token", str(token), "--result", "2"))
    assert task_of(storage, "t1").result == 2


# Signals and kills.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_run_stops_its_program_and_gives_the_task_back(
    storage: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """At once, for the next agent. The program is sent the same signal, and what it started too."""
    caught = shlex.quote(str(tmp_path / "caught"))
    traps = [f"trap 'echo {name} > {caught}; exit 0' {name}" for name in ("TERM", "INT", "HUP")]
    first = "; ".join([*traps, f"sleep 60 & echo $! > {caught}.child"])
    process, pid = under_way(storage, tmp_path, UNTIL_TOLD, first=first)
    process.send_signal(number)
    said = ended(process)
    assert said.status == 128 + number
    assert "t1 released" in said.out
    assert (tmp_path / "caught").read_text() == f"{number.name[3:]}\n"
    assert not is_alive(pid)
    until(lambda: not is_alive(int((tmp_path / "caught.child").read_text())))
    task = task_of(storage, "t1")
    assert (task.status, task.result) == (TaskStatus.PENDING, None)


def test_a_program_that_ignores_its_end_is_killed_when_its_grace_is_over(
    storage: Path, tmp_path: Path
) -> None:
    process, pid = under_way(
        storage, tmp_path, UNTIL_TOLD, "--grace-seconds", "0.1", first="trap '' TERM"
    )
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 128 + signal.SIGTERM
    assert not is_alive(pid)
    assert task_of(storage, "t1").status is TaskStatus.PENDING


def test_a_second_signal_kills_the_program_at_once(storage: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    trap = f"trap 'echo > {shlex.quote(str(told))}' TERM"
    process, pid = under_way(storage, tmp_path, UNTIL_TOLD, "--grace-seconds", "9999", first=trap)
    process.send_signal(signal.SIGTERM)
    until(told.exists)
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 128 + signal.SIGTERM
    assert not is_alive(pid)
    assert task_of(storage, "t1").status is TaskStatus.PENDING


def test_an_agent_for_ever_works_task_after_task_and_ends_well_by_a_signal(
    storage: Path, tmp_path: Path
) -> None:
    """One that comes later too, and goes on after one that failed."""
    script = '[ "$SWARM_TASK_ID" != t1 ] || exit 1'
    process = started(storage, "run", *A, "--forever", "--json", "--", "sh", "-c", script)
    board = TaskBoard(storage)
    until(lambda: not board.get_pending() and board.get("t2").status == "COMPLETED")  # type: ignore[union-attr]
    board.post(Task("t3", "x", ""))
    until(lambda: task_of(storage, "t3").status is TaskStatus.COMPLETED)
    process.send_signal(signal.SIGTERM)
    said = done(ended(process))
    outcomes = [(told["task_id"], told["outcome"]) for told in said.objects]
    assert outcomes == [("t1", "failed"), ("t2", "completed"), ("t3", "completed")]


def test_an_agent_for_ever_that_is_told_to_end_gives_its_task_back(
    storage: Path, tmp_path: Path
) -> None:
    process, _ = under_way(storage, tmp_path, UNTIL_TOLD, "--forever")
    process.send_signal(signal.SIGTERM)
    said = done(ended(process))
    assert "t1 released" in said.out
    assert task_of(storage, "t1").status is TaskStatus.PENDING
    assert task_of(storage, "t2").status is TaskStatus.PENDING


def test_a_signal_that_was_ignored_from_the_start_stays_so(storage: Path, tmp_path: Path) -> None:
    """As nohup asks: the terminal may go away."""
    stop = shlex.quote(str(tmp_path / "stop"))
    script = f"echo > {shlex.quote(str(tmp_path / 'up'))}; until [ -e {stop} ]; do sleep 0.02; done"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = started(storage, "run", *A, "--", "sh", "-c", script)
    finally:
        signal.signal(signal.SIGHUP, before)
    until((tmp_path / "up").exists)
    process.send_signal(signal.SIGHUP)
    (tmp_path / "stop").touch()
    done(ended(process))
    assert task_of(storage, "t1").status is TaskStatus.COMPLETED


def test_an_agent_that_is_killed_loses_no_task(storage: Path, tmp_path: Path) -> None:
    """kill -9 of ``swarm run``: its lease lapses, another agent does the task, and what the
    orphaned program prints goes nowhere.
    """
    stop = shlex.quote(str(tmp_path / "stop"))
    script = f"until [ -e {stop} ]; do sleep 0.02; done; echo orphan"
    process, pid = under_way(storage, tmp_path, script, "--lease-seconds", "0.5")
    process.kill()
    ended(process)
    other = ["run", "--agent", "a2", "--type", "CODE_ANALYSIS", "--wait-seconds", "60"]
    done(swarm(storage, *other, "--", "echo", "2"))
    (tmp_path / "stop").touch()
    until(lambda: not is_alive(pid))
    task = task_of(storage, "t1")
    assert (task.status, task.result, task.claimed_by, task.attempts) == ("COMPLETED", 2, "a2", 2)


def test_a_lock_that_is_busy_for_long_does_not_cost_the_result(
    storage: Path, tmp_path: Path
) -> None:
    """The lock is tried for more than once before what took hours is given up."""
    go = shlex.quote(str(tmp_path / "go"))
    script = f"echo $$ > {go}.up; until [ -e {go} ]; do sleep 0.02; done; echo 1"
    process = started(storage, "--lock-timeout", "1", "run", *A, "--json", "--", "sh", "-c", script)
    until((tmp_path / "go.up").exists)
    assert process.stderr is not None
    with open(storage / ".board.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (tmp_path / "go").touch()
        assert "trying again" in process.stderr.readline()
    said = ended(process)
    assert said.status == 0 and json.loads(said.lines[0])["outcome"] == "completed"
    assert task_of(storage, "t1").result == 1
