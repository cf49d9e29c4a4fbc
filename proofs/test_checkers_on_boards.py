"""No execution of a correct board is convicted, and on a racy one all checkers say the same."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.broken_boards.base import LockAndScan
from proofs.harness.checkers import Promises, check
from proofs.harness.execution import run
from proofs.harness.verdict import violations
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario, scenarios
from swarm.task import FINAL, Task, TaskStatus
from swarm.task_board import TaskBoard


@settings(max_examples=60)
@given(scenario=scenarios())
@pytest.mark.usefixtures("open_doors")
def test_no_execution_of_our_board_is_convicted(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "checked"
    made = run(scenario, lambda path: TaskBoard(path, durability="kill"), root)
    assert not violations(check(made)), scenario.to_json()


class WithAllOperations(LockAndScan):
    """Has what the plain board does not need for its bugs to show."""

    def claim_next(self, agent_id: str, capabilities: Collection[str] | None = None) -> Task | None:
        with self.held():
            now = time.time()
            free = [t for t in self.tasks() if t.status is TaskStatus.PENDING or t.is_stale(now)]
            able = [t for t in free if capabilities is None or t.task_type in capabilities]
            first = min(able, key=Task.order_key, default=None)
            return self.grant(first, agent_id) if first else None

    def fail(self, task_id: str, error: str, token: int | None = None, retry: bool = False) -> bool:
        return self.change(task_id, token, lambda task: task.fail(error, retry=retry))

    def requeue(self, task_id: str) -> bool:
        return self.change(task_id, None, Task.requeue)

    def prune(self, older_than_seconds: float) -> list[str]:
        with self.held():
            done = [task.task_id for task in self.tasks() if task.status in FINAL]
            for task_id in done:
                os.unlink(self.file(task_id))
            return done

    def get_claimable(self, timeout_seconds: float) -> list[Task]:
        oldest = time.time() - timeout_seconds
        return [
            task
            for task in self.tasks()
            if task.status is TaskStatus.PENDING
            or (task.status not in FINAL and (task.claimed_at or 0) <= oldest)
        ]

    def get_by_type(self, task_type: str) -> list[Task]:
        return [task for task in self.tasks() if task.task_type == task_type]

    def get_results_by_parent(self, parent_id: str) -> list[Any]:
        done = [task for task in self.tasks() if task.status is TaskStatus.COMPLETED]
        return [task.result for task in done if task.payload["parent_id"] == parent_id]


class WithoutALock(WithAllOperations):
    @contextmanager
    def held(self) -> Iterator[None]:
        yield


@settings(max_examples=60)
@given(scenario=scenarios())
@pytest.mark.usefixtures("open_doors")
def test_no_execution_of_a_lock_and_scan_board_is_convicted(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = run(scenario, WithAllOperations, tmp_path_factory.getbasetemp() / "scanned")
    assert not violations(check(made, Promises.of(WithAllOperations))), scenario.to_json()


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
@pytest.mark.usefixtures("open_doors")
def test_aspects_and_search_agree_on_a_board_without_a_lock(
    seed: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scenario = data.draw(scenarios(tasks_max=1))
    walk = replace(scenario, interleaving=Interleaving(kind="walk", seed=seed))
    made = run(walk, WithoutALock, tmp_path_factory.getbasetemp() / "races")
    check(made, Promises.of(WithoutALock))  # raises Disagreement
