"""What people and programs do to the files is honoured, however little the file times say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.file_clocks import ticking_every
from proofs.machine import TaskBoardMachine
from swarm import Task, TaskBoard, TaskStatus

TICKS = {"as it is": None, "4 ms": 4_000_000, "1 s": 10**9, "2 s": 2 * 10**9}


@pytest.fixture(params=TICKS, ids=[f"times {name}" for name in TICKS])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TaskBoard]:
    """A board on which one task was just claimed, so that its own change is fresh."""
    tick_ns = TICKS[request.param]
    with nullcontext() if tick_ns is None else ticking_every(tick_ns):
        board = TaskBoard(tmp_path / "board", rescan_seconds=3600)
        post(board, "claimed", priority=1)
        assert granted(board) == "claimed"
        post(board, "ready", priority=5)
        yield board


def post(board: TaskBoard, task_id: str, *, priority: int) -> None:
    board.post(Task(task_id, "CODE_ANALYSIS", "", priority=priority))


def granted(board: TaskBoard, agent_id: str = "a1") -> str | None:
    task = board.claim_next(agent_id)
    return None if task is None else task.task_id


def path(board: TaskBoard, task_id: str) -> Path:
    return board.storage_path / f"{task_id}.json"


def drop(board: TaskBoard, task_id: str, *, priority: int) -> None:
    """As another program would: under another name, then renamed."""
    new = board.storage_path.parent / "new"
    new.write_text(Task(task_id, "CODE_ANALYSIS", "", priority=priority).to_json())
    os.replace(new, path(board, task_id))


def edit(board: TaskBoard, task_id: str, **fields: object) -> None:
    """In place, as an editor that keeps the inode would."""
    known = json.loads(path(board, task_id).read_text())
    path(board, task_id).write_text(json.dumps({**known, **fields}))


def test_a_new_file_is_seen_by_the_next_look_for_work(board: TaskBoard) -> None:
    drop(board, "urgent", priority=0)
    assert granted(board) == "urgent"
    drop(board, "urgent too", priority=0)
    assert granted(board) == "urgent too"


def test_a_removed_file_is_not_granted_and_nothing_is_made_of_it(board: TaskBoard) -> None:
    path(board, "ready").unlink()
    assert granted(board) is None
    assert [task.task_id for task in board.list_all()] == ["claimed"]


def test_a_replaced_file_is_seen_by_the_next_look_for_work(board: TaskBoard) -> None:
    drop(board, "claimed", priority=0)  # a person puts it back, before all others
    assert granted(board) == "claimed"


def test_a_file_removed_and_made_again_is_seen_by_the_next_look_for_work(board: TaskBoard) -> None:
    kept = path(board, "ready").read_text()
    path(board, "ready").unlink()
    path(board, "ready").write_text(kept.replace('"priority": 5', '"priority": 0'))
    post(board, "first otherwise", priority=1)
    assert granted(board) == "ready"


def test_a_claimed_file_edited_in_place_is_seen_before_none_is_answered(board: TaskBoard) -> None:
    assert granted(board) == "ready"
    assert granted(board) is None
    edit(board, "claimed", claimed_at=0.0)  # of other length
    assert granted(board, "a2") == "claimed"
    assert granted(board) is None
    text = path(board, "ready").read_text()
    path(board, "ready").write_text(text.replace('"CLAIMED"', '"PENDING"'))  # of the same length
    assert granted(board, "a2") == "ready"


def test_a_pending_file_edited_in_place_to_another_type_is_seen_before_none_is_answered(
    board: TaskBoard,
) -> None:
    assert board.claim_next("a1", ["PARALLEL_SEARCH"]) is None
    edit(board, "ready", task_type="PARALLEL_SEARCH")
    task = board.claim_next("a1", ["PARALLEL_SEARCH"])
    assert task is not None
    assert task.task_id == "ready"


def test_an_edit_in_place_is_honoured_at_once_by_an_operation_on_that_id(board: TaskBoard) -> None:
    edit(board, "ready", status="CANCELLED")
    assert not board.claim("ready", "a1")
    edit(board, "ready", status="PENDING")
    assert board.claim("ready", "a1")


def test_a_final_file_edited_in_place_is_seen_within_rescan_seconds(tmp_path: Path) -> None:
    now = 1000.0
    board = TaskBoard(tmp_path, rescan_seconds=60, clock=lambda: now)
    post(board, "t1", priority=1)
    assert board.claim("t1", "a1")
    assert board.complete("t1", {"done": True})
    assert granted(board) is None
    edit(board, "t1", status="PENDING")
    now += 60
    assert granted(board) == "t1"


def test_unknown_fields_and_types_are_kept_over_every_change(board: TaskBoard) -> None:
    edit(board, "ready", note={"by": "hand"}, task_type="A TYPE OF ONE'S OWN")
    assert granted(board) == "ready"
    assert board.start("ready")
    assert board.complete("ready", [1, 2])
    fields = json.loads(path(board, "ready").read_text())
    assert fields["note"] == {"by": "hand"}
    assert fields["task_type"] == "A TYPE OF ONE'S OWN"
    assert fields["result"] == [1, 2]


def test_the_file_shows_the_state_after_each_operation(board: TaskBoard) -> None:
    def status() -> object:
        return json.loads(path(board, "ready").read_text())["status"]

    assert granted(board) == "ready"
    assert status() == TaskStatus.CLAIMED
    assert board.start("ready")
    assert status() == TaskStatus.IN_PROGRESS
    assert board.fail("ready", "broken", retry=True)
    assert status() == TaskStatus.PENDING


class CoarseTimesMachine(TaskBoardMachine):
    """The same machine on a file system that ticks once a second, far slower than it is driven."""

    def __init__(self) -> None:
        super().__init__()
        self._ticking = ticking_every(10**9)
        self._ticking.__enter__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._ticking.__exit__(None, None, None)


TestBoardUnderCoarseTimes = CoarseTimesMachine.TestCase
TestBoardUnderCoarseTimes.settings = settings(
    CoarseTimesMachine.TestCase.settings, max_examples=settings().max_examples // 5
)
