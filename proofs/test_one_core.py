"""The threads of a run share one core while it lasts, where the system can keep them there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from proofs.harness import one_core
from proofs.harness.execution import run
from proofs.harness.interception import interception
from strategies.programs import Ask
from strategies.scenarios import Scenario
from swarm.task import Task

SCENARIO = Scenario((), (("a1", (Ask("get", "t1"),)), ("a2", (Ask("get", "t1"),))))

pytestmark = pytest.mark.skipif(
    not one_core.all_cores(), reason="not applicable: this system keeps no thread on a core"
)


class Cores:
    """Remembers on which cores its callers may run."""

    seen: ClassVar[list[one_core.Cores]] = []

    def __init__(self, storage: str) -> None:
        pass

    def post(self, task: Task) -> None:
        """Nothing is kept."""

    def claim_next(self, agent_id: str) -> Task | None:
        """There is never one."""

    def get(self, task_id: str) -> Task | None:
        """Remember."""
        self.seen.append(one_core.all_cores())
        return None


def test_agents_share_one_core_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    before = one_core.all_cores()
    with interception():
        for _ in range(3):
            Cores.seen.clear()
            run(SCENARIO, Cores, tmp_path / "board")
            assert len(Cores.seen) == 2 and len(set(Cores.seen)) == 1
            assert len(Cores.seen[0]) == 1 and Cores.seen[0] <= before
            assert one_core.all_cores() == before


def test_where_no_thread_can_be_kept_a_run_goes_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: int, cores: object) -> None:
        raise PermissionError("a sandbox")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    Cores.seen.clear()
    with interception():
        run(SCENARIO, Cores, tmp_path / "board")
    assert len(Cores.seen) == 2
