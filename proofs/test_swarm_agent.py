"""An agent keeps its lease up while it works, and learns when it has lost it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarm.errors import LeaseLostError
from swarm.swarm_agent import SwarmAgent
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard

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


def data(board: TaskBoard) -> bytes:
    return (board.storage_path / "t0.json").read_bytes()


def read(board: TaskBoard) -> Task:
    return Task.from_json(data(board))


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

    before = threading.enumerate()
    agent = agent_on(watched, work)
    task = agent.work_cycle()
    assert task is not None and (task.status, task.result) == (TaskStatus.COMPLETED, "done")
    assert seen == sorted(set(seen)), f"claimed_at must move with each renewal: {seen}"
    assert not agent.lease_lost and agent.current_task is None
    renewals = len(watched.renewals)
    assert set(threading.enumerate()) <= set(before)
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
    tmp_path: Path, capabilities: Any, expected: list[str]
) -> None:
    board = TaskBoard(tmp_path, durability="kill")
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
