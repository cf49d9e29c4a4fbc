"""Agents die, files break, directories vanish: what the board makes of it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarm.errors import CorruptTaskError, DuplicateTaskError, StorageMissingError
from swarm.swarm_agent import SwarmAgent
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard


class TestFaultTolerance:
    """No fault of one agent or file stops the others."""

    def test_claimed_task_becomes_reclaimable_after_timeout(self, tmp_path: Path) -> None:
        """A claim aged in its file goes to another agent, and the first can do no more harm."""
        board = TaskBoard(tmp_path)
        board.post(Task("t0", TaskType.CODE_ANALYSIS, ""))
        first, second = SwarmAgent("a0", board), SwarmAgent("a1", TaskBoard(tmp_path))
        lost = first.claim_next_task()
        assert lost is not None and lost.claimed_by == "a0", lost
        early = second.claim_next_task()
        assert early is None, f"claimed from a live agent: {early}"

        _edit(tmp_path / "t0.json", lambda fields: {"claimed_at": fields["claimed_at"] - 3600})
        assert [task.task_id for task in board.get_claimable()] == ["t0"]
        taken = second.claim_next_task()
        assert taken is not None and taken.claimed_by == "a1", taken
        assert taken.token > lost.token, f"token {taken.token} after {lost.token}"
        assert taken.attempts == 2, taken

        before = (tmp_path / "t0.json").read_bytes()
        assert not first.complete_task(lost, {"late": True}), "a superseded agent wrote its result"
        assert not first.fail_task(lost, "late"), "a superseded agent failed the task"
        assert first.lease_lost
        after = (tmp_path / "t0.json").read_bytes()
        assert after == before, f"refused, but the file changed from {before!r} to {after!r}"
        assert second.complete_task(taken, {"by": "a1"})
        done = board.get("t0")
        assert done is not None and done.result == {"by": "a1"}, done

    def test_corrupted_task_file_quarantined(self, tmp_path: Path) -> None:
        """A broken file is nobody's task, hinders no other, and is kept once it was left alone."""
        board = TaskBoard(tmp_path)
        board.post(Task("good", TaskType.CODE_ANALYSIS, ""))
        broken, damage = tmp_path / "broken.json", b'{"task_id": "broken", "status": "PEND'
        broken.write_bytes(damage)

        assert [task.task_id for task in board.list_all()] == ["good"]
        assert [task.task_id for task in board.get_pending()] == ["good"]
        with pytest.raises(CorruptTaskError, match="not JSON at line 1"):
            board.get("broken")
        assert not board.claim("broken", "a0"), "a broken file was granted"
        with pytest.raises(DuplicateTaskError):
            board.post(Task("broken", TaskType.CODE_ANALYSIS, ""))
        agent = SwarmAgent("a0", board)
        worked = agent.work_cycle()
        assert worked is not None and worked.task_id == "good", worked
        assert board.quarantined() == [], "moved while it may still be being written"
        assert broken.read_bytes() == damage

        an_hour_ago = time.time() - 3600
        os.utime(broken, (an_hour_ago, an_hour_ago))
        assert agent.work_cycle() is None
        (kept,) = board.quarantined()
        assert (kept.task_id, kept.path.read_bytes()) == ("broken", damage), kept
        assert "not JSON at line 1" in kept.reason, kept
        assert tmp_path / ".quarantine" in kept.path.parents, kept
        assert not broken.exists() and board.get("broken") is None
        board.post(Task("broken", TaskType.CODE_ANALYSIS, "posted anew"))
        assert [task.task_id for task in board.list_all()] == ["good", "broken"]

    def test_agent_fail_task_marks_failed(self, tmp_path: Path) -> None:
        """A failed task keeps its error, is over for all agents, and holds up nothing."""
        board = TaskBoard(tmp_path)
        board.post(Task("t0", TaskType.CODE_ANALYSIS, ""))
        board.post(Task("t1", TaskType.CODE_ANALYSIS, "", priority=9))
        agent = SwarmAgent("a0", board)
        task = agent.claim_next_task()
        assert task is not None and task.task_id == "t0", task
        assert agent.fail_task(task, "no such file")
        assert agent.current_task is None
        failed = json.loads((tmp_path / "t0.json").read_text("utf-8"))
        assert failed["status"] == "FAILED", failed
        assert failed["result"] == {"error": "no such file"}, failed
        assert failed["claimed_by"] == "a0", failed
        assert not board.claim("t0", "a1"), "a failed task was granted"
        assert not agent.complete_task(task, "late"), "a failed task was completed"

        other = SwarmAgent("a1", board, handlers={TaskType.CODE_ANALYSIS: _raise_value_error})
        with pytest.raises(ValueError, match="broken handler"):
            other.work_cycle()
        second = board.get("t1")
        assert second is not None and second.status is TaskStatus.FAILED, second
        assert "broken handler" in second.result["error"], second
        assert other.claim_next_task() is None

    def test_graceful_handling_of_missing_storage(self, tmp_path: Path) -> None:
        """A directory that is not there yet is made; one that vanished is named by every call."""
        storage = tmp_path / "not" / "there yet" / "bœrd"
        board = TaskBoard(str(storage))
        assert storage.is_dir() and board.storage_path == storage
        assert board.list_all() == [] and board.claim_next("a0") is None
        task = Task("t0", TaskType.CODE_ANALYSIS, "")
        board.post(task)
        assert board.get("t0") is not None

        shutil.rmtree(tmp_path / "not")
        calls: dict[str, Callable[[], object]] = {
            "get": lambda: board.get("t0"),
            "list_all": board.list_all,
            "get_pending": board.get_pending,
            "post": lambda: board.post(Task("t1", TaskType.CODE_ANALYSIS, "")),
            "claim": lambda: board.claim("t0", "a0"),
            "claim_next": lambda: board.claim_next("a0"),
            "complete": lambda: board.complete("t0", None),
            "work_cycle": SwarmAgent("a0", board).work_cycle,
        }
        for name, call in calls.items():
            error = _raised(call)
            assert isinstance(error, StorageMissingError), f"{name}: {error!r}"
            assert error.path == storage and str(storage) in str(error), f"{name}: {error}"
        assert not storage.exists(), "a vanished directory was made anew, and empty"

        again = TaskBoard(storage)
        again.post(task)
        assert [task.task_id for task in again.list_all()] == ["t0"]


def _edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change fields of a task's file in place, as a person or a script would."""
    with path.open(encoding="utf-8") as file:
        fields = json.load(file)
    with path.open("w", encoding="utf-8") as file:
        json.dump({**fields, **change(fields)}, file)


def _raise_value_error(task: Task) -> None:
    raise ValueError(f"broken handler for {task.task_id}")


def _raised(call: Callable[[], object]) -> object:
    """The exception that a call raises, or what it answers."""
    try:
        return call()
    except Exception as error:
        return error
