"""Many tasks and agents: shared out evenly, counted rightly, at a bounded cost."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from swarm.swarm_agent import SwarmAgent
from swarm.swarm_coordinator import SwarmCoordinator
from swarm.task import Task, TaskType
from swarm.task_board import TaskBoard

PATIENCE_SECONDS = 60.0


class TestScalability:
    """The bounds are those that a person would notice, far above what is measured."""

    def test_100_tasks_distributed_across_10_agents(self, tmp_path: Path) -> None:
        """10 threads claim 100 tasks in 10 rounds, one each a round, each at once with the others.

        Nobody can be faster than its share, so a spread of more than 2 means that a claim came
        back empty while there were tasks, or that a task was granted twice.
        """
        _post(TaskBoard(tmp_path, durability="kill"), 100)
        barrier = Barrier(10, timeout=PATIENCE_SECONDS)

        def claim_in_rounds(number: int) -> list[str]:
            agent = SwarmAgent(f"a{number}", TaskBoard(tmp_path, durability="kill"))
            claimed = []
            for _ in range(10):
                barrier.wait()
                task = agent.claim_next_task()
                if task is not None:
                    claimed.append(task.task_id)
            return claimed

        with ThreadPoolExecutor(10) as pool:
            claims = list(pool.map(claim_in_rounds, range(10)))
        shares = [len(claimed) for claimed in claims]
        assert max(shares) - min(shares) <= 2, f"tasks of each agent: {shares}"
        times = Counter(task_id for claimed in claims for task_id in claimed)
        assert sum(shares) == len(times) == 100, f"granted twice: {times - Counter(set(times))}"
        left = [task.task_id for task in TaskBoard(tmp_path).get_pending()]
        assert left == []

    def test_1000_tasks_with_progress_tracking(self, tmp_path: Path) -> None:
        """Of 1,000 subtasks 500 are done: 50.0 %, and every other count agrees."""
        board = TaskBoard(tmp_path, durability="kill")
        coordinator = SwarmCoordinator(board)
        payloads = [{"number": number} for number in range(1000)]
        parent_id = coordinator.map(TaskType.SOLUTION_EXPLORATION, "try", payloads)
        agent = SwarmAgent("a0", board)
        for done in range(500):
            task = agent.claim_next_task()
            assert task is not None, f"no task left after {done} of 1,000"
            assert agent.complete_task(task, {"number": task.payload["number"]}), task
        held = agent.claim_next_task()
        assert held is not None
        progress = coordinator.get_progress(parent_id)
        assert progress == {
            "parent_id": parent_id,
            "total": 1000,
            "completed": 500,
            "failed": 0,
            "pending": 499,
            "in_progress": 1,
            "progress_pct": 50.0,
            "is_complete": False,
        }
        numbers = coordinator.reduce(parent_id)["number"]
        assert numbers == list(range(500)), f"{len(numbers)} numbers, from {numbers[:3]}"

    def test_claim_latency_under_10ms(self, tmp_path: Path) -> None:
        """The mean claim on a board of 100 tasks, as it is opened by default, takes under 10 ms."""
        board = TaskBoard(tmp_path)
        _post(board, 100)
        agent = SwarmAgent("a0", board)
        milliseconds = []
        for _ in range(100):
            begin = time.perf_counter()
            task = agent.claim_next_task()
            milliseconds.append((time.perf_counter() - begin) * 1000)
            assert task is not None, f"no task left after {len(milliseconds)} of 100"
        mean = sum(milliseconds) / len(milliseconds)
        slowest = sorted(milliseconds)[-3:]
        assert mean < 10, f"mean {mean:.2f} ms, the slowest {slowest}"

    def test_memory_usage_stays_bounded(self, tmp_path: Path) -> None:
        """Posting, listing and working off 500 tasks never takes 10 MB at once."""
        tracemalloc.start()
        try:
            board = TaskBoard(tmp_path, durability="kill")
            _post(board, 500)
            listed = len(board.list_all())
            agent = SwarmAgent("a0", board)
            worked = 0
            while (task := agent.claim_next_task()) is not None:
                worked += agent.complete_task(task, {"echo": task.payload})
            now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (listed, worked) == (500, 500)
        assert peak < 10_000_000, f"peak {peak:,} bytes, at the end {now:,}"


def _post(board: TaskBoard, count: int) -> None:
    types = list(TaskType)
    for number in range(count):
        board.post(
            Task(f"t{number:04}", types[number % 4], f"task {number}", payload={"n": number})
        )
