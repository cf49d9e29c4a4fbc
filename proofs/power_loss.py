"""Interleavings of two agents, for the proofs in which the power fails at every moment of each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from proofs.harness.adapter import Board
from proofs.harness.execution import Execution
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.scheduling import EFFECTS_MAX
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario


def with_one_preemption(
    scenario: Scenario, board: Board, root: Path, every: int = 1
) -> Iterator[Execution]:
    """Every execution with at most one preemption, of two agents; or each ``every``-th."""
    first, second = scenario.agents
    for agent, other in ((first, second), (second, first)):
        alone = _turns(scenario, (agent, EFFECTS_MAX))
        execution, _ = run_recorded(alone, board, root)
        yield execution
        own = sum(step.agent == agent for step in execution.trace)
        for effects in range(1, own, every):
            turns = _turns(scenario, (agent, effects), (other, EFFECTS_MAX))
            yield run_recorded(turns, board, root)[0]


def _turns(scenario: Scenario, *turns: tuple[str, int]) -> Scenario:
    return replace(scenario, interleaving=Interleaving(kind="turns", turns=turns))


@contextmanager
def fast_root(folder: Path) -> Iterator[Path]:
    """Where a board may lie for as long, in ``fast_directory``."""
    made = Path(tempfile.mkdtemp(dir=fast_directory(folder)))
    try:
        yield made / "board"
    finally:
        shutil.rmtree(made)


def fast_directory(tmp_path: Path) -> Path:
    """In memory where there is such a place, since nobody cuts the power of this machine."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else tmp_path
