"""What one claim costs does not grow with the board: file calls and bytes, counted, not timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest

from swarm import Task, TaskBoard, TaskType

TYPES = [str(name) for name in TaskType]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call did: file calls by name, and the bytes that it read."""

    calls: dict[str, int]
    bytes_read: int

    @property
    def calls_total(self) -> int:
        return sum(self.calls.values())


class FileCalls:
    """Counts every call into the operating system's files, whoever makes it, while entered."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.bytes_read = 0

    def __enter__(self) -> FileCalls:
        reads = {name: self._counted(getattr(os, name)) for name in ("read", "pread")}
        self._patch = patch.multiple(os, **reads)
        self._patch.start()
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._patch.stop()

    def _counted(self, read: Any) -> Any:
        def counted(*args: Any) -> bytes:
            data: bytes = read(*args)
            self.bytes_read += len(data)
            return data

        return counted

    def _profile(self, frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or getattr(function, "__module__", None) not in ("posix", "_io", "io"):
            return
        if function.__name__ not in ("fspath", "fsencode", "fsdecode", "getpid"):
            self.calls[function.__name__] = self.calls.get(function.__name__, 0) + 1


def cost_of_a_claim(board: TaskBoard) -> Cost:
    """The cost of one claim of an agent that can handle every type."""
    with FileCalls() as counted:
        task = board.claim_next("measured", TYPES)
    assert task is not None
    return Cost(counted.calls, counted.bytes_read)


def cost_in_a_fresh_process(storage: Path) -> Cost:
    """The cost of opening the board and one claim, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.test_cost", str(storage)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Cost(**json.loads(done.stdout))


def filled(storage: Path, size: int) -> TaskBoard:
    """A board with so many pending tasks of all types and priorities, some claimed and done."""
    board = TaskBoard(storage, durability="kill")
    for number in range(size):
        kind = TYPES[number % len(TYPES)]
        board.post(Task(f"task-{number:06d}", kind, "", priority=number * 7 % 10))
    for _ in range(20):
        task = board.claim_next("filler", TYPES)
        assert task is not None
        assert board.complete(task.task_id, None, token=task.token)
    return board


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> dict[int, TaskBoard]:
    return {
        size: filled(tmp_path_factory.mktemp("boards") / str(size), size) for size in (100, 10_000)
    }


def test_no_claim_of_a_board_filled_by_posts_looks_at_every_file(tmp_path: Path) -> None:
    """From the very first one on, each in a board object that has seen nothing yet."""
    filler = TaskBoard(tmp_path, durability="kill")
    for number in range(300):
        filler.post(Task(f"task-{number}", TYPES[number % 4], ""))
    costs = [cost_of_a_claim(TaskBoard(tmp_path, durability="kill")) for _ in range(20)]
    assert max(cost.calls_total for cost in costs) < 60, [cost.calls_total for cost in costs]


def assert_within_a_tenth(small: Cost, large: Cost) -> None:
    print(f"100 tasks: {small}\n10,000 tasks: {large}")
    assert large.calls_total == pytest.approx(small.calls_total, rel=0.1), (small, large)
    assert large.bytes_read == pytest.approx(small.bytes_read, rel=0.1), (small, large)


def test_a_claim_on_a_warm_board_costs_the_same_on_100_and_10000_tasks(
    boards: dict[int, TaskBoard],
) -> None:
    assert_within_a_tenth(cost_of_a_claim(boards[100]), cost_of_a_claim(boards[10_000]))


def test_a_claim_in_a_fresh_process_costs_the_same_on_100_and_10000_tasks(
    boards: dict[int, TaskBoard],
) -> None:
    costs = [cost_in_a_fresh_process(boards[size].storage_path) for size in (100, 10_000)]
    assert_within_a_tenth(*costs)


def test_a_claim_after_claims_of_others_costs_the_same_on_100_and_10000_tasks(
    boards: dict[int, TaskBoard],
) -> None:
    costs = []
    for size in (100, 10_000):
        other = TaskBoard(boards[size].storage_path, durability="kill")
        assert other.claim_next("other", TYPES)
        costs.append(cost_of_a_claim(boards[size]))
    assert_within_a_tenth(*costs)


def test_the_count_sees_a_look_at_every_file(boards: dict[int, TaskBoard]) -> None:
    """The counter itself is seen to convict: without an index every file is read."""
    board = boards[100]
    (board.storage_path / ".index" / "pages").unlink()
    cost = cost_of_a_claim(board)
    assert cost.calls["read"] > 90, cost
    assert cost.bytes_read > 100 * 200, cost


def _measure(storage: str) -> None:
    with FileCalls() as counted:
        task = TaskBoard(storage, durability="kill").claim_next("measured", TYPES)
    assert task is not None
    print(json.dumps({"calls": counted.calls, "bytes_read": counted.bytes_read}))


if __name__ == "__main__":
    _measure(sys.argv[1])
