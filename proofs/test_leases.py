"""Which state may follow which, who may say so, and until when a claim holds."""

from __future__ import annotations

import json
import math
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.timestamps import lease_durations, live_timestamps, stale_timestamps
from swarm.errors import LeaseLostError
from swarm.swarm_agent import SwarmAgent
from swarm.task import TRANSITIONS, Task, TaskStatus, TaskType
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


@pytest.mark.xfail(strict=True, reason="bug of the board: claim_next raises, for ever and for all")
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


# Agents.

PATIENCE_SECONDS = 30.0
SHORT_LEASE_SECONDS = 0.3


class WatchedBoard(TaskBoard):
    """Tells of each renewal, once it is answered."""

    renewals: list[bool]
    renewed: threading.Event
    before_renewal: Callable[[], object]

    def renew(self, task_id: str, *, token: int | None = None) -> bool:
        self.before_renewal()
        done = super().renew(task_id, token=token)
        self.renewals.append(done)
        self.renewed.set()
        return done


@pytest.fixture
def watched(tmp_path: Path) -> WatchedBoard:
    """A board with a short lease, on which t0 was posted."""
    board = WatchedBoard(tmp_path, lease_seconds=SHORT_LEASE_SECONDS, durability="kill")
    board.renewals, board.renewed, board.before_renewal = [], threading.Event(), lambda: None
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    return board


def agent_on(board: TaskBoard, handler: Callable[[Task], Any]) -> SwarmAgent:
    return SwarmAgent("a0", board, handlers={TaskType.CODE_ANALYSIS: handler})


def test_the_claim_is_renewed_while_a_handler_runs(watched: WatchedBoard) -> None:
    """The handler ends when it has seen its claim move twice, and not after some time."""
    seen: list[float] = []

    def work(task: Task) -> str:
        seen.append(task.claimed_at or 0.0)
        while len(seen) < 3:
            assert watched.renewed.wait(PATIENCE_SECONDS)
            watched.renewed.clear()
            seen.append(read(watched).claimed_at or 0.0)
        return "done"

    agent = agent_on(watched, work)
    task = agent.work_cycle()
    assert task is not None and (task.status, task.result) == (TaskStatus.COMPLETED, "done")
    assert seen == sorted(set(seen)), f"claimed_at must move with each renewal: {seen}"
    assert not agent.lease_lost and agent.current_task is None
    renewals = len(watched.renewals)
    assert threading.active_count() == 1, threading.enumerate()
    assert len(watched.renewals) == renewals


def test_a_renewal_comes_at_a_third_of_the_lease(
    watched: WatchedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float | None] = []
    wait = threading.Event.wait

    def waits(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread().name.startswith("heartbeat"):
            pauses.append(timeout)
        return wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", waits)
    watched.lease_seconds = 99.0  # of the grant; the lease in the file is what counts
    task = agent_on(watched, lambda task: None).work_cycle()
    assert task is not None and task.lease_seconds == 99.0
    assert pauses == [33.0]


def test_a_handler_sees_that_its_lease_is_lost_and_its_result_is_not_written(
    watched: WatchedBoard,
) -> None:
    def work(task: Task) -> str:
        assert watched.release("t0") and watched.claim("t0", "another")
        while not agent.lease_lost:
            assert watched.renewed.wait(PATIENCE_SECONDS)
            watched.renewed.clear()
        kept.append(data(watched))
        return "in vain"

    kept: list[bytes] = []
    agent = agent_on(watched, work)
    with pytest.raises(LeaseLostError) as caught:
        agent.work_cycle()
    assert (caught.value.task_id, caught.value.agent_id) == ("t0", "a0")
    assert [data(watched)] == kept, "the result of a lost lease was written"
    assert watched.renewals[-1] is False
    assert agent.lease_lost and agent.current_task is None


@pytest.mark.xfail(strict=True, reason="bug of the board: the loss is the next task's as well")
def test_a_lost_lease_is_not_said_of_the_next_task(watched: WatchedBoard) -> None:
    agent = agent_on(watched, lambda task: wait_for_loss())

    def wait_for_loss() -> None:
        watched.cancel("t0")
        while not agent.lease_lost:
            assert watched.renewed.wait(PATIENCE_SECONDS)
            watched.renewed.clear()

    with pytest.raises(LeaseLostError):
        agent.work_cycle()
    assert agent.lease_lost
    watched.post(Task("t1", "CODE_ANALYSIS", ""))
    assert agent.claim_next_task() is not None
    assert not agent.lease_lost, "it was just granted"


def test_a_renewal_that_raises_is_tried_again(watched: WatchedBoard) -> None:
    failures = [OSError("disk full"), OSError("disk full")]

    def fail_twice() -> None:
        if failures:
            raise failures.pop()

    def work(task: Task) -> str:
        assert watched.renewed.wait(PATIENCE_SECONDS)
        return "done"

    watched.before_renewal = fail_twice
    task = agent_on(watched, work).work_cycle()
    assert task is not None and task.result == "done"
    assert not failures and watched.renewals[0] is True


@pytest.mark.parametrize("error", [ValueError("broken"), KeyError("k")], ids=repr)
def test_a_handler_s_exception_fails_the_task_and_is_raised_again(
    watched: WatchedBoard, error: Exception
) -> None:
    agent = agent_on(watched, lambda task: raises(error))
    with pytest.raises(type(error)) as caught:
        agent.work_cycle()
    assert caught.value is error
    task = read(watched)
    assert task.status is TaskStatus.FAILED
    assert task.result == {"error": f"{type(error).__name__}: {error}"}
    assert agent.current_task is None and not agent.lease_lost
    assert agent.work_cycle() is None


def raises(error: Exception) -> None:
    raise error


class Unspeakable(Exception):
    """An exception that cannot be put into words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [ValueError("a file named x\udcff"), ValueError("x" * 2**25), Unspeakable()]
)
@pytest.mark.xfail(strict=True, reason="bug of the board: another error, and the task stays held")
def test_a_handler_s_exception_is_raised_again_though_its_words_are_not_json(
    watched: WatchedBoard, error: Exception
) -> None:
    """As those of an OSError about a file whose name is not Unicode may be."""
    with pytest.raises(type(error)):
        agent_on(watched, lambda task: raises(error)).work_cycle()
    assert read(watched).status is TaskStatus.FAILED


def test_a_result_that_is_not_json_fails_the_task(watched: WatchedBoard) -> None:
    with pytest.raises(ValueError, match="JSON"):
        agent_on(watched, lambda task: {1, 2}).work_cycle()
    assert read(watched).status is TaskStatus.FAILED
    assert "JSON" in read(watched).result["error"]


CAPABILITIES: list[tuple[Any, list[str]]] = [
    (None, ["CODE_ANALYSIS", "PARALLEL_SEARCH"]),
    (["CODE_ANALYSIS"], ["CODE_ANALYSIS"]),
    ([TaskType.PARALLEL_SEARCH, "own"], ["PARALLEL_SEARCH", "own"]),
    (["own", "own ", "Own"], ["own"]),
    ((TaskType.DISTRIBUTED_REVIEW,), []),
    ([], []),
]


@pytest.mark.parametrize(("capabilities", "expected"), CAPABILITIES, ids=repr)
def test_an_agent_is_granted_what_it_can_handle_and_nothing_else(
    board: TaskBoard, capabilities: Any, expected: list[str]
) -> None:
    types = ["CODE_ANALYSIS", "PARALLEL_SEARCH", "own"]
    for number, task_type in enumerate(types):
        board.post(Task(f"t{number}", task_type, "", created_at=number))
    agent = SwarmAgent("a0", board, capabilities)
    granted = [str(task.task_type) for task in iter(agent.claim_next_task, None)]
    assert granted == expected
    assert [task_type for task_type in types if agent.can_handle(task_type)] == expected
    if capabilities is not None:
        left = [str(task.task_type) for task in board.get_pending()]
        assert left == [task_type for task_type in types if task_type not in expected]
        assert board.claim_next("a1", capabilities) is None
