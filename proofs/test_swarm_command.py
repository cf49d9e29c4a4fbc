"""The command ``swarm``: tasks posted, claimed, and handed back, in words and in JSON.

Most calls are in this process: what is judged is what a script sees, status, output and errors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.commands import (
    PATIENCE_SECONDS,
    SOURCES,
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
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

A = ("--agent", "a1")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """A board with two pending tasks; no process that works on it is left."""
    yield two_tasks(tmp_path / "board")
    end_all()


# Posting.


def test_a_post_makes_the_board_and_says_so_and_prints_the_id(tmp_path: Path) -> None:
    said = swarm(tmp_path / "deep" / "board", "post", "t1", "--type", "own", "--priority", "-3")
    assert (said.status, said.out) == (0, "t1\n")
    assert "made a new board" in said.error
    task = task_of(tmp_path / "deep" / "board", "t1")
    assert (task.task_type, task.priority, task.payload) == ("own", -3, {})


def test_a_post_without_an_id_draws_a_new_one(storage: Path) -> None:
    ids = {done(swarm(storage, "post")).out.strip() for _ in range(2)}
    assert len(ids) == 2 and all(task_of(storage, task_id) for task_id in ids)


def test_a_payload_comes_from_an_option_a_file_or_standard_input(
    storage: Path, tmp_path: Path
) -> None:
    (tmp_path / "payload").write_text('{"n": 2}')
    done(swarm(storage, "post", "p1", "--payload", '{"n": 2}'))
    done(swarm(storage, "post", "p2", "--payload-file", str(tmp_path / "payload")))
    done(swarm(storage, "post", "p3", "--payload-file", "-", given=b'{"n": 2}\n'))
    assert [task_of(storage, name).payload for name in ("p1", "p2", "p3")] == [{"n": 2}] * 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--payload", "[1]"], "object"),
        (["--payload", '{"n": NaN}'], "JSON"),
        (["--payload", "{}", "--payload-file", "-"], "not both"),
        (["--payload-file", "/no/such/file"], "readable"),
        (["--priority", "high"], "not a valid integer"),
        (["--priority", str(2**63)], "64-bit"),
        ([".hidden"], "task_id must"),
        ([""], "task_id must"),  # "$ID" of a script that has none
    ],
)
def test_a_post_that_could_never_be_done_is_bad_usage(
    storage: Path, options: list[str], words: str
) -> None:
    before = len(TaskBoard(storage).list_all())
    failed(swarm(storage, "post", *options), ExitStatus.USAGE, words)
    assert len(TaskBoard(storage).list_all()) == before


def test_a_second_post_of_an_id_is_refused(storage: Path) -> None:
    failed(swarm(storage, "post", "t1"), ExitStatus.REFUSED, "'t1' is on the board already")


# Which board.


def test_the_board_is_named_by_option_before_or_behind_the_command_or_by_variable(
    storage: Path,
) -> None:
    shown = [
        swarm(None, "--storage", str(storage), "show", "t1", "--json"),
        swarm(None, "show", "t1", "--json", "--storage", str(storage)),
        swarm(None, "--json", "show", "t1", variables={"SWARM_STORAGE": str(storage)}),
        swarm(storage, "--json", "show", "t1", variables={"SWARM_STORAGE": "/nowhere"}),
    ]
    assert {said.objects[0]["task_id"] for said in map(done, shown)} == {"t1"}


@pytest.mark.parametrize(
    "command",
    [
        ["claim", *A],
        ["run", *A, "--", "true"],
        ["list"],
        ["show", "t1"],
        ["watch"],
        ["complete", "t1", *A, "--token", "1"],
        ["prune"],
        ["doctor"],
        ["quarantine", "list"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_directory_that_is_not_there_is_made_by_no_other_command(
    tmp_path: Path, command: list[str]
) -> None:
    """A slip of the pen must not make a board to which nobody posts."""
    failed(swarm(tmp_path / "slip", *command), ExitStatus.USAGE, "must exist", "slip")
    failed(swarm(None, *command), ExitStatus.USAGE, "--storage")
    assert not (tmp_path / "slip").exists()


def test_doctor_makes_an_empty_board_when_asked_to(tmp_path: Path) -> None:
    done(swarm(tmp_path / "new", "doctor", "--create"))
    failed(swarm(tmp_path / "new", "claim", *A), ExitStatus.NOTHING, "nothing to claim")


# Claiming.


def test_a_claim_takes_the_next_task_and_tells_its_token(storage: Path) -> None:
    said = done(swarm(storage, "claim", *A, "--lease-seconds", "259200"))
    task = task_of(storage, "t1")
    assert (task.status, task.claimed_by, task.lease_seconds) == (TaskStatus.CLAIMED, "a1", 259200)
    assert said.out.startswith(f"t1 token {task.token}, until ") and "in 3 d" in said.out
    [fields] = done(swarm(storage, "claim", *A, "--json")).objects
    assert fields == json.loads((storage / "t2.json").read_text())


def test_a_claim_by_id_takes_that_task(storage: Path) -> None:
    assert done(swarm(storage, "claim", "t2", *A, "--json")).objects[0]["task_id"] == "t2"
    assert task_of(storage, "t1").status is TaskStatus.PENDING


def test_a_claim_by_type_takes_only_such_tasks(storage: Path) -> None:
    by_type = swarm(storage, "claim", *A, "--json", "--type", "other", "--type", "translate")
    assert done(by_type).objects[0]["task_id"] == "t2"
    listed = swarm(storage, "claim", *A, "--capabilities", "other, translate")
    failed(listed, ExitStatus.NOTHING, "nothing to claim of type other, translate")
    failed(swarm(storage, "claim", "t1", *A, "--type", "x"), ExitStatus.USAGE, "not both")


def test_a_claim_of_what_another_holds_says_who_and_until_when(storage: Path) -> None:
    done(swarm(storage, "claim", "t1", *A))
    said = swarm(storage, "claim", "t1", "--agent", "a2", "--json")
    assert (said.status, said.out) == (ExitStatus.REFUSED, "")
    told = json.loads(said.error)
    task = task_of(storage, "t1")
    assert task.claimed_at is not None
    assert told["exit_status"] == 3 and told["task"] == {
        "status": "CLAIMED",
        "claimed_by": "a1",
        "token": task.token,
        "lease_ends_at": task.claimed_at + 3600,
    }
    assert "held by 'a1'" in told["error"] and "in 60 min" in told["error"]


def test_a_claim_of_no_task_of_that_id_is_refused(storage: Path) -> None:
    failed(swarm(storage, "claim", "t9", *A), ExitStatus.REFUSED, "no such task")


def test_a_claim_waits_for_work_as_long_as_it_was_told_to(storage: Path) -> None:
    board = TaskBoard(storage)
    for task in board.list_all():
        board.cancel(task.task_id)
    began = time.monotonic()
    failed(swarm(storage, "claim", *A, "--wait-seconds", "0.3"), ExitStatus.NOTHING)
    assert time.monotonic() - began >= 0.3
    waiting = started(storage, "claim", *A, "--wait-seconds", str(PATIENCE_SECONDS), "--json")
    board.post(Task("late", "translate", ""))
    assert done(ended(waiting)).objects[0]["task_id"] == "late"


def test_a_claim_by_id_waits_until_the_lease_of_the_other_has_lapsed(storage: Path) -> None:
    done(swarm(storage, "claim", "t1", *A, "--lease-seconds", "0.3"))
    said = swarm(storage, "claim", "t1", "--agent", "a2", "--wait-seconds", "60", "--json")
    assert done(said).objects[0]["claimed_by"] == "a2"


def test_a_shell_evals_what_a_claim_told_it(storage: Path) -> None:
    """With quotes, line ends and what a shell would obey in it."""
    odd = 'it\'s\n$(exit 3) `exit 4` \\ "quoted" é'
    TaskBoard(storage).post(Task("odd", "a type", odd, priority=0, payload={"odd": odd}))
    said = done(swarm(storage, "claim", *A, "--shell"))
    script = f'{said.out}\nprintf "%s\\0" "$SWARM_TASK_ID" "$SWARM_TASK_DESCRIPTION" "$SWARM_TOKEN"'
    script += ' "$SWARM_TASK_PAYLOAD" "$SWARM_STORAGE" "$SWARM_AGENT" "$SWARM_TASK_TYPE"'
    printed = subprocess.run(["sh", "-euc", script], capture_output=True, check=True).stdout
    task_id, description, token, payload, *rest = printed.decode().split("\0")[:-1]
    assert (task_id, description, token) == ("odd", odd, str(task_of(storage, "odd").token))
    assert json.loads(payload) == {"odd": odd}
    assert rest == [str(storage), "a1", "a type"]


def test_a_claim_whose_answer_nobody_can_read_is_given_back(storage: Path) -> None:
    """The task would be stuck for a lease: nobody knows its token."""
    gone, ours = os.pipe()
    os.close(gone)
    process = started(storage, "claim", *A, stdout=ours)
    os.close(ours)
    assert ended(process).status == ExitStatus.OUTPUT_LOST
    assert task_of(storage, "t1").status is TaskStatus.PENDING
    command = f'exec "{sys.executable}" -m swarm claim --agent a1 >&-'
    variables = {"SWARM_STORAGE": str(storage), "PYTHONPATH": str(SOURCES)}
    closed = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert closed.returncode == ExitStatus.USAGE and "standard output" in closed.stderr
    assert task_of(storage, "t1").attempts == 1


# What the holder does.


@pytest.fixture
def token(storage: Path) -> int:
    """That of the claim of t1 by a1."""
    task = TaskBoard(storage).claim_task("t1", "a1")
    assert task is not None
    return task.token


@pytest.mark.parametrize(
    ("command", "status", "result"),
    [
        (["start"], "IN_PROGRESS", None),
        (["renew"], "CLAIMED", None),
        (["release"], "PENDING", None),
        (["complete"], "COMPLETED", None),
        (["complete", "--result", '{"n": [1, "é"]}'], "COMPLETED", {"n": [1, "é"]}),
        (["complete", "--result-file", "-"], "COMPLETED", [0]),
        (["complete", "--text", 'say "no"\n'], "COMPLETED", {"output": 'say "no"\n'}),
        (["fail", "--error", "no"], "FAILED", {"error": "no"}),
        (["fail", "--error", "no", "--retry"], "PENDING", {"error": "no"}),
        (["cancel"], "CANCELLED", None),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_holder_changes_its_task(
    storage: Path, token: int, command: list[str], status: str, result: Any, as_json: bool
) -> None:
    name, *options = command
    json_option = ["--json"] if as_json else []
    asked = [name, "t1", *A, "--token", str(token), *options, *json_option]
    said = done(swarm(storage, *asked, given=b"[0]"))
    task = task_of(storage, "t1")
    assert (task.status, task.result) == (status, result)
    if as_json:
        assert said.objects == [{"task_id": "t1", "operation": name, "outcome": "ok"}]
    else:
        assert said.lines == [f"t1 {'renewed' if name == 'renew' else status}"]


def test_within_a_run_task_agent_and_token_are_known(storage: Path, token: int) -> None:
    known = {"SWARM_TASK_ID": "t1", "SWARM_AGENT": "a1", "SWARM_TOKEN": str(token)}
    done(swarm(storage, "start", variables=known))
    done(swarm(storage, "complete", "--text", "done", variables=known))
    assert task_of(storage, "t1").result == {"output": "done"}


@pytest.mark.parametrize("command", ["start", "renew", "complete", "fail", "release"])
def test_a_write_needs_agent_and_token_and_the_right_ones(
    storage: Path, token: int, command: str
) -> None:
    """Not another agent's, no superseded one; what is refused leaves the file as it is."""
    more = ["--error", "x"] if command == "fail" else []
    before = (storage / "t1.json").read_bytes()
    right = ["--token", str(token)]
    failed(swarm(storage, command, "t1", *A, *more), ExitStatus.USAGE, "--token")
    failed(swarm(storage, command, "t1", *right, *more), ExitStatus.USAGE, "--agent")
    other = swarm(storage, command, "t1", "--agent", "a2", *right, *more)
    failed(other, ExitStatus.REFUSED, "granted to 'a1', not to 'a2'")
    wrong = swarm(storage, command, "t1", *A, "--token", str(token + 1), *more)
    failed(wrong, ExitStatus.REFUSED, "superseded", "held by 'a1'")
    nowhere = swarm(storage, command, "t9", *A, *right, *more)
    failed(nowhere, ExitStatus.REFUSED, "no such task")
    assert (storage / "t1.json").read_bytes() == before


def test_a_superseded_holder_is_told_who_holds_the_task_now(storage: Path, token: int) -> None:
    board = TaskBoard(storage)
    assert board.release("t1") and board.claim("t1", "a2")
    said = swarm(storage, "complete", "t1", *A, "--token", str(token), "--json")
    told = json.loads(said.error)
    assert said.status == ExitStatus.REFUSED and told["task"]["claimed_by"] == "a2"
    assert f"token {token} is superseded" in told["error"]


@pytest.mark.parametrize("options", [["--result", "{"], ["--text", "x", "--result", "1"]])
def test_a_result_that_is_none_is_bad_usage(storage: Path, token: int, options: list[str]) -> None:
    said = swarm(storage, "complete", "t1", *A, "--token", str(token), *options)
    failed(said, ExitStatus.USAGE)
    assert task_of(storage, "t1").status is TaskStatus.CLAIMED


def test_a_result_that_is_too_large_is_bad_usage(storage: Path, token: int) -> None:
    asked = ["complete", "t1", *A, "--token", str(token), "--text", "x" * 2000]
    said = swarm(storage, "--task-bytes-max", "1000", *asked)
    failed(said, ExitStatus.USAGE, "at most 1000 bytes")


def test_a_pending_task_is_cancelled_by_anybody_a_held_one_by_its_holder_or_by_force(
    storage: Path, token: int
) -> None:
    done(swarm(storage, "cancel", "t2"))
    failed(swarm(storage, "cancel", "t1"), ExitStatus.USAGE, "held by 'a1'", "--force")
    as_other = swarm(storage, "cancel", "t1", "--agent", "a2", "--token", str(token))
    failed(as_other, ExitStatus.REFUSED, "granted to 'a1'")
    done(swarm(storage, "cancel", "t1", "--force"))
    failed(swarm(storage, "cancel", "t1"), ExitStatus.REFUSED, "is CANCELLED")
    failed(swarm(storage, "cancel", "t9"), ExitStatus.REFUSED, "no such task")
    assert {task.status for task in TaskBoard(storage).list_all()} == {"CANCELLED"}


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_what_is_claimed_while_it_is_being_cancelled_is_not_cancelled(
    storage: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Who cancels has seen a pending task, and meant that one."""
    cancel = TaskBoard.cancel

    def late(board: TaskBoard, task_id: str, **named: Any) -> bool:
        assert TaskBoard(storage).claim(task_id, "a9")
        return cancel(board, task_id, **named)

    monkeypatch.setattr(TaskBoard, "cancel", late)
    failed(swarm(storage, "cancel", "t1", *options), ExitStatus.REFUSED, "held by 'a9'")
    assert task_of(storage, "t1").status is TaskStatus.CLAIMED
