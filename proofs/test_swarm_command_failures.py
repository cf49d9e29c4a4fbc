"""The command ``swarm`` when things go wrong: each exit status, in one line, in words and JSON."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from proofs.commands import (
    PATIENCE_SECONDS,
    SOURCES,
    done,
    failed,
    swarm,
    task_of,
    two_tasks,
)
from swarm.command.exit_status import ExitStatus
from swarm.command.words import clock, one_line, relative, span
from swarm.errors import UnsafeStorageError
from swarm.quarantine import QuarantinedFile
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

A = ("--agent", "a1")


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A board with two pending tasks."""
    return two_tasks(tmp_path / "board")


# What goes wrong.


def damage(storage: Path) -> None:
    (storage / "t1.json").write_text("{")


@pytest.mark.parametrize(
    "command",
    [
        ["show", "t1"],
        ["claim", "t1", *A],
        ["complete", "t1", *A, "--token", "1"],
        ["cancel", "t1"],
        ["requeue", "t1"],
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_damaged_task_has_a_status_of_its_own(
    storage: Path, command: list[str], as_json: bool
) -> None:
    damage(storage)
    said = swarm(storage, *command, *(["--json"] if as_json else []))
    assert (said.status, said.out) == (ExitStatus.DAMAGED, "")
    words = json.loads(said.error)["error"] if as_json else said.error
    assert "t1.json must hold one task as JSON" in words


def test_a_damaged_file_keeps_nobody_from_the_others(storage: Path) -> None:
    damage(storage)
    said = swarm(storage, "list", "--json")
    assert said.status == 0 and [task["task_id"] for task in said.objects] == ["t2"]
    assert "skipping a damaged file" in said.error
    assert done(swarm(storage, "claim", *A, "--json")).objects[0]["task_id"] == "t2"
    said = swarm(storage, "doctor")
    assert said.status == ExitStatus.DAMAGED and said.lines[0].startswith("damaged: ")


@pytest.mark.parametrize(
    "command",
    [
        ["post", "t9"],
        ["claim", *A],
        ["complete", "t1", *A, "--token", "1"],
        ["run", *A, "--", "true"],
        ["requeue", "t1"],
        ["prune"],
        ["doctor"],
    ],
    ids=lambda command: command[0],
)
def test_a_lock_that_others_hold_has_a_status_of_its_own(storage: Path, command: list[str]) -> None:
    before = {path.name: path.read_bytes() for path in storage.glob("*.json")}
    with open(storage / ".board.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = swarm(storage, "--lock-timeout", "0.01", *command)
        failed(said, ExitStatus.LOCKED, ".board.lock was held by others")
        looked = swarm(storage, "--lock-timeout", "0.01", "list", "--json")
        assert len(done(looked).objects) == 2, "reading takes no lock"
    assert {path.name: path.read_bytes() for path in storage.glob("*.json")} == before


def test_a_link_in_the_place_of_the_board_is_damage(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(storage)
    for command in (["list"], ["claim", *A], ["post", "t9"]):
        failed(swarm(tmp_path / "link", *command), ExitStatus.DAMAGED, "a symbolic link")


def test_nothing_is_restored_through_a_link(storage: Path, tmp_path: Path) -> None:
    """The quarantine became a link, to where somebody made a task, after it was looked at."""
    (tmp_path / "outside" / "000001").mkdir(parents=True)
    outside = tmp_path / "outside" / "000001" / "t9.json"
    outside.write_text(Task("t9", "x", "").to_json())
    (storage / ".quarantine").symlink_to(tmp_path / "outside")
    listed = QuarantinedFile("t9", "", storage / ".quarantine" / "000001" / "t9.json", None)
    with pytest.raises(UnsafeStorageError):
        TaskBoard(storage).restore(listed)
    said = swarm(storage, "quarantine", "restore", "t9")
    failed(said, ExitStatus.DAMAGED, "a symbolic link")
    assert outside.exists() and TaskBoard(storage).get("t9") is None


def test_a_disk_that_fails_is_said_in_one_line(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    failed(swarm(storage, "post", "t9"), ExitStatus.DAMAGED, "No space left", "swarm show")


def test_a_bug_of_ours_never_looks_like_nothing_to_claim(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(TaskBoard, "claim_next", wrong)
    failed(swarm(storage, "claim", *A), ExitStatus.BUG, "bug of swarm", "ours")


@pytest.mark.parametrize(
    "arguments",
    [["nix"], ["claim"], ["claim", *A, "--wait-seconds", "-1"], ["claim", *A, "--nix"], ["show"]],
)
def test_bad_usage_is_one_line_that_says_where_help_is(storage: Path, arguments: list[str]) -> None:
    failed(swarm(storage, *arguments), ExitStatus.USAGE, "--help")
    said = swarm(storage, "--json", *arguments)
    assert json.loads(said.error)["exit_status"] == 2


def test_options_out_of_their_range_are_bad_usage(storage: Path) -> None:
    failed(swarm(storage, "claim", *A, "--lease-seconds", "nan"), ExitStatus.USAGE, "lease_seconds")
    failed(swarm(storage, "claim", "--agent", ""), ExitStatus.USAGE, "agent")


def test_every_command_has_help(storage: Path) -> None:
    said = done(swarm(None, "--help"))
    names = re.findall(r"^  (\w+)  ", said.out.partition("Commands:")[2], re.MULTILINE)
    assert len(names) == 16 and names[0] == "post"
    for name in names:
        assert done(swarm(None, name, "--help")).out.startswith(f"Usage: swarm {name} ")


def test_the_command_does_not_import_what_it_does_not_use(storage: Path) -> None:
    """An agent in a shell starts it for every step: 90 ms of processor time, 70 the library's."""
    code = (
        "import sys; from swarm.command.entry import main; main(['--storage', sys.argv[1], 'list'])"
    )
    code += "; print(*sorted(sys.modules))"
    command = [sys.executable, "-c", code, str(storage)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    modules = set(printed.stdout.splitlines()[-1].split())
    assert "swarm.command.looking" in modules
    assert not modules & {"swarm.command.running", "subprocess", "asyncio", "hypothesis", "pytest"}


# Words.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (1.94, "1.9 s"), (-119, "119 s"), (120, "2 min"), (7199, "120 min")],
)
def test_a_span_is_told_in_a_unit_that_people_would_use(seconds: float, words: str) -> None:
    assert span(seconds) == words
    assert span(3 * 3600) == "3 h" and span(49 * 3600) == "2 d"


def test_a_moment_is_told_from_now_and_by_the_calendar_where_it_reaches() -> None:
    assert relative(10, 20) == "10 s ago" and relative(20, 10) == "in 10 s"
    assert re.fullmatch(r"[\d-]{10} [\d:]{8}", clock(1.7e9)) and clock(1e300).startswith("1e+300")
    assert one_line("a\nb\tc") == "a b\\tc"


CLOSED = """
import os, stat, sys
from swarm.command.entry import main
status = main(["--storage", sys.argv[1], "post", "t9"])
kinds = [stat.S_ISCHR(os.fstat(descriptor).st_mode) for descriptor in range(3)]
open(sys.argv[2], "w").write(repr((int(status), kinds)))
"""


def test_no_file_of_the_board_takes_the_place_of_a_closed_stream(
    storage: Path, tmp_path: Path
) -> None:
    """What is meant for standard error would be written into a task."""
    words = [sys.executable, "-c", CLOSED, str(storage), str(tmp_path / "told")]
    command = " ".join(map(shlex.quote, words))
    subprocess.run(
        ["sh", "-c", f"exec {command} <&- >&- 2>&-"],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (tmp_path / "told").read_text() == "(0, [True, True, True])"
    assert task_of(storage, "t9").status is TaskStatus.PENDING
