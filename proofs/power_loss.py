"""What two agents do and how they are interleaved, where the power fails at every moment of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from proofs.harness.execution import Execution
from proofs.harness.scheduling import EFFECTS_MAX
from strategies.interleavings import Interleaving
from strategies.programs import Ask, Program
from strategies.scenarios import PostedTask, Scenario

TWO_TASKS: Final = (PostedTask("t1"), PostedTask("t2"))
TWO_AGENTS: Final[dict[str, tuple[Program, Program]]] = {
    "both complete": ((Ask("claim_next"), Ask("complete")),) * 2,
    "one posts, one cancels": (
        (Ask("post", "n1", fenced=False), Ask("claim_next"), Ask("fail")),
        (Ask("cancel", "t2", fenced=False), Ask("claim_next"), Ask("release")),
    ),
    "one starts and renews, one is given back": (
        (Ask("claim_next"), Ask("start"), Ask("renew"), Ask("complete")),
        (Ask("claim_next"), Ask("retry"), Ask("claim_next"), Ask("complete")),
    ),
    "one takes over from the other": (
        (Ask("claim_next"), Ask("advance", seconds=3600), Ask("claim_next"), Ask("complete")),
        (Ask("claim", "t1", fenced=False), Ask("start"), Ask("complete")),
    ),
    "one prunes, one requeues": (
        (Ask("claim", "t1", fenced=False), Ask("complete"), Ask("prune")),
        (Ask("claim", "t2", fenced=False), Ask("fail"), Ask("requeue", "t2", fenced=False)),
    ),
}
"""Of our board: each operation that writes is asked for by one of two, beside one that writes."""


def two_agents(name: str, asks: Collection[str]) -> Scenario:
    """One of ``TWO_AGENTS`` on ``TWO_TASKS``, as far as a board has these operations."""
    programs = (
        tuple(ask for wanted in program if (ask := _asked(wanted, f"t{at}", asks)).name in asks)
        for at, program in enumerate(TWO_AGENTS[name], 1)
    )
    return Scenario(TWO_TASKS, tuple((f"a{at}", program) for at, program in enumerate(programs, 1)))


def _asked(wanted: Ask, task_id: str, asks: Collection[str]) -> Ask:
    """Who cannot look for work asks for a task."""
    is_looking = wanted.name == "claim_next" and "claim_next" not in asks
    return Ask("claim", task_id, fenced=False) if is_looking else wanted


def with_one_preemption(
    scenario: Scenario, run_recorded: Callable[[Scenario], Execution], every: int = 1
) -> Iterator[Execution]:
    """Every execution with at most one preemption, of two agents; or each ``every``-th."""
    first, second = scenario.agents
    for agent, other in ((first, second), (second, first)):
        alone = _turns(scenario, (agent, EFFECTS_MAX))
        execution = run_recorded(alone)
        yield execution
        own = sum(step.agent == agent for step in execution.trace)
        for effects in range(1, own, every):
            turns = _turns(scenario, (agent, effects), (other, EFFECTS_MAX))
            yield run_recorded(turns)


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
