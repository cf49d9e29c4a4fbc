"""Agents in separate interpreters: all that they share, and all that they need, is the board."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import pytest

import swarm
from proofs.workers import agent_worker
from swarm.swarm_coordinator import SwarmCoordinator
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard

SOURCES = Path(swarm.__file__).parents[1]
PATIENCE_SECONDS = 60.0  # a worker that takes longer is stuck, and the proof fails with its words


class TestCrossProcessCoordination:
    """Workers are real processes, started afresh and released together."""

    def test_subprocess_agents_coordinate_via_shared_taskboard(self, tmp_path: Path) -> None:
        """3 workers drain 30 subtasks of one coordinator: each is done once, none is left."""
        board = TaskBoard(tmp_path)
        coordinator = SwarmCoordinator(board)
        payloads = [{"number": number} for number in range(30)]
        parent_id = coordinator.map(TaskType.PARALLEL_SEARCH, "count", payloads)
        with _workers(tmp_path, ["a0", "a1", "a2"], "--gate") as workers:
            pids = [worker.pid for worker in workers]
            _release(workers)
            _end(workers)
        progress = coordinator.get_progress(parent_id)
        assert progress["is_complete"], progress
        merged = coordinator.reduce(parent_id)
        assert merged["number"] == list(range(30))
        assert set(merged["pid"]) <= set(pids), f"{merged['pid']} worked, {pids} were started"
        tokens = [(task.task_id, task.token, task.attempts) for task in board.list_all()]
        assert all(attempts == 1 for _, _, attempts in tokens), f"granted twice: {tokens}"
        assert [task.claimed_by for task in board.list_all()] == merged["agent_id"]

    def test_no_communication_except_taskboard(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One agent hands a word on to the next, and nothing but the directory can have carried it.

        The two run one after the other, each with its own working directory, no environment but
        where the sources are, no pipe, and no descriptor of ours, though one is there to inherit.
        """
        board = TaskBoard(tmp_path / "board")
        board.post(Task("t0", TaskType.CODE_ANALYSIS, "", payload={"hand_on": "PARALLEL_SEARCH"}))
        monkeypatch.setenv("SWARM_PROOFS_BAIT", "must not be seen")
        bait = os.open(tmp_path, os.O_RDONLY)
        os.set_inheritable(bait, True)
        try:
            _run_alone(board, tmp_path / "cwd0", "a0", "CODE_ANALYSIS")
            _run_alone(board, tmp_path / "cwd1", "a1", "PARALLEL_SEARCH")
        finally:
            os.close(bait)
        first, second = _result(board, "t0"), _result(board, "t0-next")
        assert second["word"] == first["handed_on"]
        assert (first["agent_id"], second["agent_id"]) == ("a0", "a1")
        assert len({first["pid"], second["pid"], os.getpid()}) == 3, (first, second)
        for number, facts in enumerate([first, second]):
            assert set(facts["environment"]) <= {*_minimal_environment(), "LC_CTYPE"}, facts
            assert facts["directory"] == str(tmp_path / f"cwd{number}"), facts
            assert facts["descriptors"] == {"0": "device", "1": "device", "2": "file"}, facts
            assert facts["parent_pid"] == os.getpid(), facts

    def test_multiple_workers_one_taskboard(self, tmp_path: Path) -> None:
        """3 workers, up before the first claim, at most 3 tasks each: 9 tasks, 3 for each."""
        board = TaskBoard(tmp_path)
        for number in range(9):
            board.post(Task(f"t{number}", TaskType.DISTRIBUTED_REVIEW, ""))
        with _workers(tmp_path, ["a0", "a1", "a2"], "--gate", "--tasks-max", "3") as workers:
            untouched = board.get_pending()
            assert len(untouched) == 9, f"claimed before the gate opened: {untouched}"
            _release(workers)
            _end(workers)
        tasks = board.list_all()
        statuses = {task.task_id: task.status for task in tasks}
        assert set(statuses.values()) == {TaskStatus.COMPLETED}, statuses
        by_agent: dict[str, list[str]] = {}
        for task in tasks:
            assert task.result["agent_id"] == task.claimed_by, task
            by_agent.setdefault(task.result["agent_id"], []).append(task.task_id)
        shares = {agent_id: len(ids) for agent_id, ids in sorted(by_agent.items())}
        assert shares == {"a0": 3, "a1": 3, "a2": 3}, by_agent
        assert len({task.result["pid"] for task in tasks}) == 3


def _minimal_environment() -> dict[str, str]:
    """What a Python needs to find the sources and, where it is linked so, its own library."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PYTHONPATH": str(SOURCES), **kept}


def _command(storage: Path, agent_id: str, options: Sequence[str]) -> list[str]:
    return [sys.executable, agent_worker.__file__, str(storage), agent_id, *options]


@contextmanager
def _workers(storage: Path, agent_ids: Sequence[str], *options: str) -> Iterator[list[Popen[str]]]:
    """Worker processes that wait at the gate, all of them with the board open; none is left.

    One is started after the other is ready: whoever claims before the gate opens is caught at it.
    """
    workers: list[Popen[str]] = []
    try:
        for agent_id in agent_ids:
            command = _command(storage, agent_id, options)
            environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
            workers.append(
                Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment)
            )
            _wait_until_ready(workers[-1])
        yield workers
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.communicate()


def _wait_until_ready(worker: Popen[str]) -> None:
    assert worker.stdout is not None
    alarm = threading.Timer(PATIENCE_SECONDS, worker.kill)  # ends the wait: the pipe is closed then
    alarm.start()
    line = worker.stdout.readline()
    alarm.cancel()
    alarm.join()
    if line != "ready\n":
        worker.kill()
        _, errors = worker.communicate()
        pytest.fail(f"worker {worker.args!r} said {line!r} instead of 'ready':\n{errors}")


def _release(workers: Sequence[Popen[str]]) -> None:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()


def _end(workers: Sequence[Popen[str]]) -> None:
    """Wait until all have ended by themselves and in order."""
    for worker in workers:
        try:
            _, errors = worker.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            _, errors = worker.communicate()
            pytest.fail(f"worker {worker.args!r} did not end in {PATIENCE_SECONDS} s:\n{errors}")
        assert worker.returncode == 0, f"worker {worker.args!r}: {worker.returncode}\n{errors}"


def _run_alone(board: TaskBoard, directory: Path, agent_id: str, task_type: str) -> None:
    """Run one worker to its end, with nothing of ours but the name of the board's directory."""
    directory.mkdir()
    with (directory / "errors").open("w+") as errors:
        worker = Popen(
            _command(board.storage_path, agent_id, ["--types", task_type]),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=errors,
            cwd=directory,
            env=_minimal_environment(),
            close_fds=True,
        )
        try:
            status = worker.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            worker.kill()
            worker.wait()
        errors.seek(0)
        assert status == 0, f"worker {worker.args!r}: {status}\n{errors.read()}"


def _result(board: TaskBoard, task_id: str) -> dict[str, Any]:
    """The result of a task that is done, as its file has it."""
    fields = json.loads((board.storage_path / f"{task_id}.json").read_text("utf-8"))
    assert fields["status"] == "COMPLETED", fields
    result: dict[str, Any] = fields["result"]
    return result
