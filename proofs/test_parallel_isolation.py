"""Agents in threads of one process."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

from swarm.swarm_agent import SwarmAgent
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 60.0


class TestParallelIsolation:
    """What agents do at the same time does not get mixed up, on one board object or on several."""

    def test_concurrent_claiming_no_double_claims(self, tmp_path: Path) -> None:
        """5 threads poll 10 tasks until there is none: each task is granted exactly once."""
        for open_board in _arrangements(tmp_path):
            board = open_board()
            task_ids = _post(board, 10)
            claims = _at_once(5, partial(_poll, open_board))
            claimed = [[task.task_id for task in tasks] for tasks in claims]
            assert sorted(id_ for ids in claimed for id_ in ids) == task_ids, f"by agent: {claimed}"
            for number, tasks in enumerate(claims):
                for task in tasks:
                    held = board.get(task.task_id)
                    assert held == task, f"granted {task}, on the board {held}"
                    assert (task.claimed_by, task.attempts) == (f"a{number}", 1), task

    def test_concurrent_results_no_mixing(self, tmp_path: Path) -> None:
        """3 agents work off 12 tasks: every result lies under its task and its agent."""
        for open_board in _arrangements(tmp_path):
            board = open_board()
            task_ids = _post(board, 12)
            worked = _at_once(3, partial(_work, open_board))
            assert sorted(id_ for ids in worked for id_ in ids) == task_ids, f"by agent: {worked}"
            for number, ids in enumerate(worked):
                for task_id in ids:
                    task = board.get(task_id)
                    assert task is not None and task.status is TaskStatus.COMPLETED, task
                    assert task.claimed_by == f"a{number}", task
                    assert task.result == _answer(task_id, f"a{number}"), task

    def test_file_locking_prevents_race_conditions(self, tmp_path: Path) -> None:
        """10 agents claim one task at once, 20 times over: one of them gets it each time."""
        for open_board in _arrangements(tmp_path):
            board = open_board()
            for task_id in _post(board, 20):
                answers = _at_once(10, partial(_claim, open_board, task_id))
                winners = [f"a{number}" for number, won in enumerate(answers) if won]
                assert len(winners) == 1, f"{task_id} was granted to {winners}"
                fields = json.loads((board.storage_path / f"{task_id}.json").read_text("utf-8"))
                assert fields["claimed_by"] == winners[0], fields
                assert fields["attempts"] == 1, fields


def _arrangements(directory: Path) -> list[Callable[[], TaskBoard]]:
    """How agents come by a board: all by the same object, each by its own on the same files."""
    shared = TaskBoard(directory / "one board for all")
    return [lambda: shared, lambda: TaskBoard(directory / "a board for each")]


def _poll(open_board: Callable[[], TaskBoard], number: int) -> list[Task]:
    board = open_board()
    return list(iter(lambda: board.claim_next(f"a{number}"), None))


def _work(open_board: Callable[[], TaskBoard], number: int) -> list[str]:
    agent_id = f"a{number}"

    def handle(task: Task) -> dict[str, Any]:
        return _answer(task.payload["for"], agent_id)

    agent = SwarmAgent(agent_id, open_board(), handlers=dict.fromkeys(TaskType, handle))
    return [task.task_id for task in iter(agent.work_cycle, None)]


def _answer(task_id: str, agent_id: str) -> dict[str, Any]:
    return {"task": task_id, "agent": agent_id}


def _claim(open_board: Callable[[], TaskBoard], task_id: str, number: int) -> bool:
    return open_board().claim(task_id, f"a{number}")


def _post(board: TaskBoard, count: int) -> list[str]:
    types = list(TaskType)
    task_ids = [f"t{number:02}" for number in range(count)]
    for number, task_id in enumerate(task_ids):
        board.post(Task(task_id, types[number % 4], "", payload={"for": task_id}))
    return task_ids


def _at_once(count: int, act: Callable[[int], Answer]) -> list[Answer]:
    """What ``act(0)``, ``act(1)``… answer, each in a thread, when all have begun."""
    barrier = Barrier(count, timeout=PATIENCE_SECONDS)

    def begin(number: int) -> Answer:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
