"""The command ``swarm``: what it shows of a board, and what a person does for its upkeep."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofs.commands import (
    PATIENCE_SECONDS,
    done,
    end_all,
    ended,
    failed,
    started,
    swarm,
    task_of,
    two_tasks,
)
from swarm.command.exit_status import ExitStatus
from swarm.command.following import Follower
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

A = ("--agent", "a1")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """A board with two pending tasks; no process that works on it is left."""
    yield two_tasks(tmp_path / "board")
    end_all()


@pytest.fixture
def token(storage: Path) -> int:
    """That of the claim of t1 by a1."""
    task = TaskBoard(storage).claim_task("t1", "a1")
    assert task is not None
    return task.token


# Looking.


def test_a_list_shows_a_line_a_task(storage: Path, token: int) -> None:
    head, first, second = done(swarm(storage, "list")).lines
    assert " ".join(head.split()) == "ID STATUS PRIORITY TYPE HOLDER AGE DESCRIPTION"
    assert re.fullmatch(r"t1 +CLAIMED +1 +CODE_ANALYSIS +a1 +[\d.]+ s +look", first)
    assert re.fullmatch(r"t2 +PENDING +2 +translate +[\d.]+ s", second)


def test_an_id_is_shown_so_that_it_can_be_told(storage: Path) -> None:
    done(swarm(storage, "post", "t3\nt4"))
    assert done(swarm(storage, "list")).lines[3].split()[0] == r"t3\nt4"


def test_for_programs_a_warning_is_an_object_too_and_the_error_comes_last(storage: Path) -> None:
    (storage / "t1.json").write_bytes(b"{")
    said = swarm(storage, "list", "--json")
    [warning] = map(json.loads, said.error.splitlines())
    assert list(warning) == ["warning"] and "t1.json" in warning["warning"]
    said = swarm(storage, "doctor", "--check", "--json")
    assert all("warning" in json.loads(line) for line in said.error.splitlines())
    assert json.loads(swarm(storage, "show", "t1", "--json").error.splitlines()[-1])["error"]


def test_a_list_is_narrowed_by_status_type_and_agent(storage: Path, token: int) -> None:
    def listed(*options: str) -> list[str]:
        said = done(swarm(storage, "list", "--json", *options))
        return [fields["task_id"] for fields in said.objects]

    assert listed() == ["t1", "t2"]
    assert listed("--status", "pending") == listed("--type", "translate") == ["t2"]
    assert listed("--status", "CLAIMED", "--status", "PENDING") == ["t1", "t2"]
    assert listed("--agent", "a1") == ["t1"] and listed("--agent", "a2") == []


def test_a_show_tells_all_of_a_task_with_times_for_people(storage: Path, token: int) -> None:
    shown = dict(line.split(None, 1) for line in done(swarm(storage, "show", "t1")).lines)
    assert shown["id"] == "t1" and shown["holder"] == "a1" and shown["token"] == str(token)
    assert shown["payload"] == '{"n": 1}'
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \([\d.]+ s ago\)", shown["created"])
    assert "ends" in shown["lease"] and "in 60 min" in shown["lease"]
    [fields] = done(swarm(storage, "show", "t1", "--json")).objects
    assert fields == json.loads((storage / "t1.json").read_text())


def test_nothing_that_a_task_says_is_obeyed_by_a_terminal(storage: Path) -> None:
    evil = "\x1b[2J\x9b2J\r\n\u2028gone"
    TaskBoard(storage).post(Task("evil", evil, evil, payload={"p": evil}))
    for command in (["list"], ["show", "evil"], ["claim", "evil", "--agent", evil]):
        said = done(swarm(storage, *command))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", said.out), said.out


def test_looking_writes_nothing_not_even_on_a_board_without_its_folders(tmp_path: Path) -> None:
    for command in (["list"], ["watch", "t1"], ["quarantine", "list"], ["doctor", "--check"]):
        task = Task("t1", "x", "", status=TaskStatus.CANCELLED)
        (tmp_path / "t1.json").write_text(task.to_json())
        done(swarm(tmp_path, *command))
        assert [path.name for path in tmp_path.iterdir()] == ["t1.json"], command


def test_colours_are_for_terminals_only_and_for_those_who_want_them(storage: Path) -> None:
    assert "\x1b[" not in done(swarm(storage, "list")).out
    assert "\x1b[33mPENDING" in _on_a_terminal(storage, {})
    assert "\x1b[" not in _on_a_terminal(storage, {"NO_COLOR": "1"})


def _on_a_terminal(storage: Path, variables: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = started(storage, "list", stdout=theirs, variables=variables)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # how Linux says that the other end is closed
    os.close(ours)
    assert ended(process).status == 0
    return shown.decode()


def test_a_reader_that_goes_away_ends_a_list_without_a_word(storage: Path) -> None:
    gone, ours = os.pipe()
    os.close(gone)
    process = started(storage, "list", stdout=ours)
    os.close(ours)
    said = ended(process)
    assert (said.status, said.err) == (ExitStatus.OUTPUT_LOST, "")


def test_a_watch_tells_each_change_and_ends_when_its_task_is_final(storage: Path) -> None:
    board = TaskBoard(storage)
    process = started(storage, "--json", "watch", "t1", "--all", "--interval-seconds", "0.01")
    with _read_by_line(process) as changes:
        assert (next(changes)["before"], board.get("t1")) == (None, task_of(storage, "t1"))
        task = board.claim_next("a1")
        assert task is not None
        assert _told(next(changes)) == ("t1", "PENDING", "CLAIMED")
        board.cancel("t2")  # not asked for
        board.renew("t1")
        assert _told(next(changes)) == ("t1", "CLAIMED", "CLAIMED")
        board.complete("t1", {"n": 1})
        last = next(changes)
        assert _told(last) == ("t1", "CLAIMED", "COMPLETED")
        assert last["task"] == json.loads((storage / "t1.json").read_text())
        assert next(changes, None) is None
    assert process.wait(PATIENCE_SECONDS) == 0


def test_a_watch_sees_new_gone_and_damaged_tasks_in_words_until_it_is_interrupted(
    storage: Path,
) -> None:
    board = TaskBoard(storage)
    process = started(storage, "watch", "--all", "--interval-seconds", "0.01")
    alarm = threading.Timer(PATIENCE_SECONDS, process.kill)
    alarm.start()

    def line() -> str:
        assert process.stdout is not None
        return process.stdout.readline().partition("  ")[2].rstrip()

    assert [line(), line()] == ["t1  new, PENDING", "t2  new, PENDING"]
    board.post(Task("t3", "x", ""))
    assert line() == "t3  new, PENDING"
    board.claim("t3", "a1")
    assert line() == f"t3  PENDING -> CLAIMED by a1, token {task_of(storage, 't3').token}"
    board.complete("t3", [1])
    assert line().endswith("CLAIMED -> COMPLETED by a1, token 1: [1]")
    (storage / "half").write_text("{")
    os.replace(storage / "half", storage / "t2.json")
    assert line() == "t2  PENDING -> DAMAGED"
    os.unlink(storage / "t3.json")
    assert line() == "t3  COMPLETED -> gone"
    process.send_signal(signal.SIGINT)
    said = ended(process)
    alarm.cancel()
    alarm.join()
    assert (said.status, said.err) == (ExitStatus.INTERRUPTED, "swarm: interrupted\n")


def test_a_change_within_one_tick_of_the_files_clock_is_seen(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it ticks slowly, a young file may change and look the same: here all look the same."""
    monkeypatch.setattr("swarm.command.following.stamp_of", lambda status: "the same")
    board = TaskBoard(storage)
    follower = Follower(board)
    assert len(follower.look()) == 2 and follower.look() == []
    board.claim("t1", "a1")
    assert [change.task_id for change in follower.look()] == ["t1"]


@contextmanager
def _read_by_line(process: subprocess.Popen[str]) -> Iterator[Iterator[Any]]:
    """Its output as it comes; whoever hangs is killed, so that the lines end."""
    assert process.stdout is not None
    alarm = threading.Timer(PATIENCE_SECONDS, process.kill)
    alarm.start()
    try:
        yield map(json.loads, process.stdout)
    finally:
        alarm.cancel()
        alarm.join()
        process.communicate()


def _told(change: dict[str, Any]) -> tuple[str, str, str]:
    return change["task_id"], change["before"], change["after"]


# Upkeep.


def test_a_failed_task_is_sent_back_a_pending_one_is_not(storage: Path, token: int) -> None:
    TaskBoard(storage).fail("t1", "no")
    assert done(swarm(storage, "requeue", "t1")).lines == ["t1 PENDING"]
    failed(swarm(storage, "requeue", "t1"), ExitStatus.REFUSED, "is PENDING")
    failed(swarm(storage, "requeue", "t9"), ExitStatus.REFUSED, "no such task")


def test_a_prune_moves_final_tasks_off_the_board(storage: Path, token: int) -> None:
    TaskBoard(storage).complete("t1", 1)
    assert done(swarm(storage, "prune", "--older-than-seconds", "1000")).out == ""
    [told] = done(swarm(storage, "prune", "--json")).objects
    assert told == {"operation": "prune", "outcome": "ok", "task_ids": ["t1"]}
    assert [path.name for path in storage.glob(".archive/*/*")] == ["t1.json"]
    TaskBoard(storage).cancel("t2")
    assert done(swarm(storage, "prune")).lines == ["t2"]


@pytest.fixture
def quarantined(storage: Path) -> Path:
    """Where t1 lies now, since a look for work found it damaged."""
    (storage / "t1.json").write_text('{"half')
    os.utime(storage / "t1.json", (1, 1))
    board = TaskBoard(storage, quarantine_after_seconds=0.001)
    assert board.claim_next("a0", ["none"]) is None
    [file] = board.quarantined()
    return file.path


def test_what_was_damaged_is_listed_and_comes_back_once_it_is_mended(
    storage: Path, quarantined: Path
) -> None:
    [line] = done(swarm(storage, "quarantine", "list")).lines
    assert line.startswith("000001  t1  ") and str(quarantined) in line
    [told] = done(swarm(storage, "quarantine", "list", "--json")).objects
    assert told["task_id"] == "t1" and told["number"] == "000001" and "JSON" in told["reason"]
    said = swarm(storage, "quarantine", "restore", "t1")
    failed(said, ExitStatus.DAMAGED, str(quarantined))
    assert "Mend it where it lies, and restore it again" in said.error
    quarantined.write_text(Task("t1", "mended", "").to_json())
    assert done(swarm(storage, "quarantine", "restore", "000001")).lines == [
        "t1 PENDING, back on the board"
    ]
    assert task_of(storage, "t1").task_type == "mended"
    assert list((storage / ".quarantine").iterdir()) == []
    assert done(swarm(storage, "claim", *A, "--type", "mended", "--json")).objects
    failed(swarm(storage, "quarantine", "restore", "t1"), ExitStatus.REFUSED, "not in quarantine")


def test_what_is_mended_does_not_replace_another_task_of_its_id(
    storage: Path, quarantined: Path
) -> None:
    quarantined.write_text(Task("t1", "mended", "").to_json())
    TaskBoard(storage).post(Task("t1", "other", ""))
    said = swarm(storage, "quarantine", "restore", "t1")
    failed(said, ExitStatus.REFUSED, "'t1' is on the board already")
    assert quarantined.exists() and task_of(storage, "t1").task_type == "other"


def test_an_id_that_lies_in_quarantine_twice_must_be_told_apart(
    storage: Path, quarantined: Path
) -> None:
    twin = storage / ".quarantine" / "000002"
    twin.mkdir()
    (twin / "t1.json").write_bytes(quarantined.read_bytes())
    said = swarm(storage, "quarantine", "restore", "t1")
    failed(said, ExitStatus.USAGE, "000001, 000002")


def test_a_doctor_finds_a_stale_claim_and_makes_the_index_anew(storage: Path) -> None:
    board = TaskBoard(storage, lease_seconds=0.001)
    assert board.claim("t1", "a1")
    (storage / ".index" / "pages").write_bytes(b"rotten")
    said = done(swarm(storage, "doctor"))
    assert re.match(r"stale: the claim of 'a1' on 't1', attempt 1, lapsed .* ago\)", said.lines[0])
    assert said.lines[1:] == ["1 found; the index was made anew"]
    assert (storage / ".index" / "pages").stat().st_size > 1000
    found, summary = done(swarm(storage, "doctor", "--json")).objects
    assert (found["kind"], found["task_id"]) == ("stale", "t1")
    assert summary == {"kind": "summary", "findings": 1, "index": "made anew"}


def test_a_doctor_who_only_looks_leaves_the_index_as_it_is(storage: Path) -> None:
    (storage / ".index" / "pages").write_bytes(b"rotten")
    assert done(swarm(storage, "doctor", "--check")).lines == [
        "nothing found; the index was left as it is"
    ]
    assert (storage / ".index" / "pages").read_bytes() == b"rotten"


def test_a_doctor_finds_a_network_file_system(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind is read from the machine; here it is told that it is nfs4."""
    monkeypatch.setattr("swarm.command.doctoring.network_kind", lambda directory: "nfs4")
    monkeypatch.setattr("swarm.command.running.network_kind", lambda directory: "nfs4")
    assert done(swarm(storage, "doctor")).lines[0].startswith("network: the board lies on nfs4")
    said = swarm(storage, "run", *A, "--", "true")
    assert said.status == 0 and "nfs4" in said.error
