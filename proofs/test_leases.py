"""Which state may follow which, who may say so, and until when a claim holds."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.timestamps import lease_durations, live_timestamps, stale_timestamps
from swarm.task import TRANSITIONS, Task, TaskStatus
from swarm.task_board import TaskBoard

NOW = 1_800_000_000.0
LEASE_SECONDS = 100.0


class Clock:
    """A clock that we own."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(tmp_path: Path, clock: Clock) -> TaskBoard:
    return opened(tmp_path / "board", clock)


def opened(storage: Path, clock: Callable[[], float], **options: Any) -> TaskBoard:
    settings: dict[str, Any] = {"lease_seconds": LEASE_SECONDS, "durability": "kill"} | options
    return TaskBoard(storage, clock=clock, **settings)


def write(board: TaskBoard, task_id: str = "t0", **fields: Any) -> None:
    """Put the file of a task there, as another board or a person might have."""
    plain = Task(task_id, "CODE_ANALYSIS", "", created_at=NOW)
    fields = {**json.loads(plain.to_json()), **fields}
    (board.storage_path / f"{task_id}.json").write_text(json.dumps(fields))


def read(board: TaskBoard, task_id: str = "t0") -> Task:
    task = board.get(task_id)
    assert task is not None, f"{task_id} is gone"
    return task


def data(board: TaskBoard, task_id: str = "t0") -> bytes:
    return (board.storage_path / f"{task_id}.json").read_bytes()


def is_granted(board: TaskBoard, task_id: str = "t0") -> bool:
    """Whether a look for work, and a claim by id, both grant it from the file as it is."""
    before = data(board, task_id)
    granted = board.claim_next("a look") is not None
    (board.storage_path / f"{task_id}.json").write_bytes(before)
    assert board.claim(task_id, "a claim") == granted, "claim and claim_next must agree"
    return granted


# The table.

TABLE = {
    # operation: {from: to}, all else refused; as docs/board.md has it
    "claim": {"PENDING": "CLAIMED"},
    "claim_next": {"PENDING": "CLAIMED"},
    "start": {"CLAIMED": "IN_PROGRESS"},
    "renew": {"CLAIMED": "CLAIMED", "IN_PROGRESS": "IN_PROGRESS"},
    "complete": {"CLAIMED": "COMPLETED", "IN_PROGRESS": "COMPLETED"},
    "fail": {"CLAIMED": "FAILED", "IN_PROGRESS": "FAILED"},
    "retry": {"CLAIMED": "PENDING", "IN_PROGRESS": "PENDING"},
    "release": {"CLAIMED": "PENDING", "IN_PROGRESS": "PENDING"},
    "cancel": {"PENDING": "CANCELLED", "CLAIMED": "CANCELLED", "IN_PROGRESS": "CANCELLED"},
    "requeue": {"FAILED": "PENDING", "CANCELLED": "PENDING"},
}
STATES = ["PENDING", "CLAIMED", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED"]

OPERATIONS: dict[str, Callable[[TaskBoard], object]] = {
    "claim": lambda board: board.claim("t0", "another"),
    "claim_next": lambda board: board.claim_next("another") is not None,
    "start": lambda board: board.start("t0"),
    "renew": lambda board: board.renew("t0"),
    "complete": lambda board: board.complete("t0", {"done": True}),
    "fail": lambda board: board.fail("t0", "why"),
    "retry": lambda board: board.fail("t0", "why", retry=True),
    "release": lambda board: board.release("t0"),
    "cancel": lambda board: board.cancel("t0"),
    "requeue": lambda board: board.requeue("t0"),
}

RESULTS = {"complete": {"done": True}, "fail": {"error": "why"}, "retry": {"error": "why"}}


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("operation", TABLE)
def test_each_operation_does_in_each_state_what_the_table_says(
    board: TaskBoard, operation: str, status: str
) -> None:
    held = {"claimed_by": "a0", "claimed_at": NOW, "token": 7, "attempts": 2}
    traces: dict[str, Any] = {} if status == "PENDING" else {**held, "lease_seconds": LEASE_SECONDS}
    write(board, status=status, result={"kept": 1}, note="not ours", **traces)
    before = data(board)
    done = OPERATIONS[operation](board)
    after = TABLE[operation].get(status)
    assert done is (after is not None), f"{operation} of a {status} task answered {done}"
    if after is None:
        assert data(board) == before, f"a refused {operation} of a {status} task wrote"
        return
    task = read(board)
    assert task.status == after
    assert task.unknown_fields == {"note": "not ours"}
    is_grant = operation in ("claim", "claim_next")
    assert (task.token > 0, task.attempts) == (True, 1) if is_grant else True
    assert task.claimed_by == (
        "another" if is_grant else None if after == "PENDING" else traces.get("claimed_by")
    )
    expected = None if operation == "requeue" else RESULTS.get(operation, {"kept": 1})
    assert task.result == expected


def test_the_table_of_the_board_is_the_table_above() -> None:
    for operation, (sources, target) in TRANSITIONS.items():
        table = {str(source): str(target or source) for source in sources}
        assert table == TABLE[operation], operation
    assert set(TRANSITIONS) == set(TABLE) - {"claim_next"}
    assert [str(status) for status in TaskStatus] == STATES


@pytest.mark.parametrize("operation", ["start", "complete", "cancel", "claim", "requeue"])
def test_an_operation_on_an_id_that_is_not_there_is_refused(
    board: TaskBoard, operation: str
) -> None:
    assert OPERATIONS[operation](board) is False
    assert board.list_all() == []


# Leases.


@given(data=st.data(), lease=st.sampled_from([1, 0.1, 3600.0, 1e6, 1e-3]))
def test_a_claim_is_stale_exactly_from_the_limit_on(data: st.DataObject, lease: float) -> None:
    """Under the lease in the file, whatever those of the two boards that look."""
    is_stale = data.draw(st.booleans(), label="is stale")
    times = (stale_timestamps if is_stale else live_timestamps)(NOW, lease)
    claimed_at = data.draw(times, label="claimed_at")
    status = data.draw(st.sampled_from(["CLAIMED", "IN_PROGRESS"]), label="status")
    with tempfile.TemporaryDirectory() as directory:
        board = opened(
            Path(directory), Clock(), lease_seconds=data.draw(lease_durations(), label="other")
        )
        write(board, status=status, claimed_by="a0", claimed_at=claimed_at, lease_seconds=lease)
        assert is_granted(board) is is_stale


@pytest.mark.parametrize("lease", [LEASE_SECONDS, None], ids=["100 s", "none, so 3600 s"])
def test_the_lease_of_the_file_decides_to_the_double(
    board: TaskBoard, clock: Clock, lease: float | None
) -> None:
    write(board, status="CLAIMED", claimed_by="a0", claimed_at=NOW, lease_seconds=lease)
    limit = NOW + (3600 if lease is None else lease)
    for moment, stale in {
        NOW: False,
        math.nextafter(limit, 0): False,
        limit: True,
        math.nextafter(NOW - (limit - NOW), 0): True,
        NOW - (limit - NOW): False,
    }.items():
        clock.now = moment
        before = data(board)
        assert is_granted(board) is stale, f"at {moment}, {moment - limit} s after the limit"
        (board.storage_path / "t0.json").write_bytes(before)


def test_the_lease_of_another_board_decides_nothing(tmp_path: Path, clock: Clock) -> None:
    short, long = (opened(tmp_path, clock, lease_seconds=seconds) for seconds in (10, 1000))
    for board in (short, long):
        board.post(Task(f"by {board.lease_seconds}", "CODE_ANALYSIS", ""))
        assert board.claim(f"by {board.lease_seconds}", "a0")
    clock.now += 10
    assert not short.claim("by 1000", "a1"), "granted by the lease of the board that looked"
    assert long.claim("by 10", "a1")
    assert read(long, "by 10").lease_seconds == 1000
    clock.now += 989
    assert long.claim_next("a2") is None
    clock.now += 1
    task = short.claim_next("a2")
    assert task is not None and (task.task_id, task.lease_seconds) == ("by 1000", 10)


def test_renewing_moves_the_moment_of_the_claim_and_nothing_else(
    board: TaskBoard, clock: Clock
) -> None:
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    task = board.claim_next("a0")
    assert task is not None
    for seconds in (60, 60, 60):
        clock.now += seconds
        assert board.renew("t0", token=task.token)
        assert read(board).claimed_at == clock.now
        assert board.claim_next("a1") is None
    task.claimed_at = clock.now
    assert read(board) == task
    clock.now += LEASE_SECONDS
    assert board.renew("t0", token=task.token), "nobody else took it"
    assert board.claim_next("a1") is None


def test_the_holder_s_own_claim_is_refused(board: TaskBoard, clock: Clock) -> None:
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    assert board.claim("t0", "a0")
    before = data(board)
    assert not board.claim("t0", "a0") and board.claim_next("a0") is None
    assert data(board) == before
    clock.now += LEASE_SECONDS
    assert board.claim("t0", "a0"), "its own lapsed claim is as anybody's"


# Tokens that were superseded.

BY_TOKEN: dict[str, Callable[[TaskBoard, int], object]] = {
    "start": lambda board, token: board.start("t0", token=token),
    "renew": lambda board, token: board.renew("t0", token=token),
    "complete": lambda board, token: board.complete("t0", "late", token=token),
    "fail": lambda board, token: board.fail("t0", "late", token=token),
    "retry": lambda board, token: board.fail("t0", "late", token=token, retry=True),
    "release": lambda board, token: board.release("t0", token=token),
    "cancel": lambda board, token: board.cancel("t0", token=token),
}


@pytest.mark.parametrize("operation", BY_TOKEN)
@pytest.mark.parametrize("started", [False, True], ids=["CLAIMED", "IN_PROGRESS"])
def test_a_superseded_token_leaves_the_file_byte_for_byte(
    board: TaskBoard, clock: Clock, operation: str, started: bool
) -> None:
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    first = board.claim_next("a0")
    clock.now += LEASE_SECONDS
    second = board.claim_next("a1")
    assert first is not None and second is not None and second.token > first.token
    assert not started or board.start("t0", token=second.token)
    before = data(board), (board.storage_path / "t0.json").stat().st_ino
    for token in (first.token, second.token + 1, 0):
        assert BY_TOKEN[operation](board, token) is False, f"token {token} is not {second.token}"
    assert (data(board), (board.storage_path / "t0.json").stat().st_ino) == before
    if (operation, started) != ("start", True):
        assert BY_TOKEN[operation](board, second.token) is True


# Attempts.


@pytest.mark.parametrize("by_id", [False, True], ids=["claim_next", "claim"])
def test_a_task_whose_attempts_are_used_up_fails_with_the_reason(
    tmp_path: Path, clock: Clock, by_id: bool
) -> None:
    board = opened(tmp_path, clock, attempts_max=3)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    for attempt in (1, 2, 3):
        assert board.claim("t0", f"a{attempt}")
        assert read(board).attempts == attempt
        clock.now += LEASE_SECONDS
    assert not (board.claim("t0", "a4") if by_id else board.claim_next("a4"))
    task = read(board)
    assert task.status is TaskStatus.FAILED
    assert task.result == {"error": "all 3 attempts are used up, the last by 'a3'"}
    assert (task.attempts, task.claimed_by) == (3, "a3")
    assert board.requeue("t0")
    assert board.claim("t0", "a5") and read(board).attempts == 1


def test_attempts_without_end_are_never_used_up(tmp_path: Path, clock: Clock) -> None:
    board = opened(tmp_path, clock, attempts_max=None)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    for attempt in range(1, 20):
        assert board.claim("t0", "a0")
        assert read(board).attempts == attempt
        clock.now += LEASE_SECONDS


def test_a_task_as_large_as_may_be_whose_attempts_are_used_up_stops_nobody(
    tmp_path: Path, clock: Clock
) -> None:
    """Its reason does not fit into the file any more, and the others do not care."""
    largest = Task("t0", "CODE_ANALYSIS", "", priority=1, created_at=NOW)
    limit = len(largest.to_json()) + 1
    board = opened(tmp_path, clock, attempts_max=1, task_bytes_max=limit)
    board.post(largest)
    board.post(Task("t1", "CODE_ANALYSIS", "", created_at=NOW))
    assert board.claim("t0", "a0")
    clock.now += LEASE_SECONDS
    task = board.claim_next("a1")
    assert task is not None and task.task_id == "t1"
    assert read(board).status is TaskStatus.FAILED


def test_a_released_task_and_one_to_be_tried_again_are_granted_again(board: TaskBoard) -> None:
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    tokens = []
    for attempt, give_back in enumerate((board.release, retry(board), board.release), start=1):
        task = board.claim_next(f"a{attempt}")
        assert task is not None and task.attempts == attempt
        tokens.append(task.token)
        assert give_back("t0", token=task.token)
        assert (read(board).claimed_by, read(board).claimed_at) == (None, None)
    assert tokens == sorted(set(tokens))
    assert read(board).result == {"error": "for now"}


def retry(board: TaskBoard) -> Callable[..., bool]:
    return lambda task_id, token: board.fail(task_id, "for now", token=token, retry=True)
