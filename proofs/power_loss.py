"""The power fails at every moment of an execution: what the board makes of what is left."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import pytest

import swarm.boot
from proofs.harness.adapter import Board
from proofs.harness.clock import SharedTime
from proofs.harness.disk import CrashStates, Model, crash_states, restore
from proofs.harness.execution import Execution
from proofs.harness.persistence.changes import ChangeLog, DirectoryState
from proofs.harness.persistence.recorded_agent import DirectoryRecorder, RecordedAgent
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.persistence.recovery import Acknowledged, acknowledged, recover
from proofs.harness.scheduler import Switches
from proofs.harness.scheduling import EFFECTS_MAX
from proofs.harness.threads import ThreadGate
from proofs.harness.verdict import Verdict
from strategies.interleavings import Interleaving
from strategies.scenarios import START, Scenario

Key = tuple[bytes, Acknowledged]

_NUMBERS: Final = re.compile(rb"[0-9a-f]{16}|\d+\.\d+|\d{6,}|(?m:^[0-9a-f]{8}$)")


@dataclass(frozen=True, slots=True)
class Moment:
    """After ``at`` changes of a log, what agents had been told until the next one."""

    at: int
    known: Acknowledged


@dataclass(slots=True)
class PowerLoss:
    """Opens the board on what one model allows, once for each state and what was told until then.

    States that differ only in long numbers (times, sums, inodes) count as one, and so do those that
    differ in what the files of the directory ``forgotten`` hold, which a restart does not look at.
    ``states_max`` is for one moment, ``recoveries_max`` for all of it; ``is_sampled`` tells that
    either was too few. ``found`` are the first violation and the state that shows it.
    """

    board: Board
    root: Path
    model: Model
    states_max: int
    recoveries_max: int | None = None
    seed: int = 0
    forgotten: str | None = None
    executions: int = 0
    moments: int = 0
    recoveries: int = 0
    is_sampled: bool = False
    found: tuple[Verdict, DirectoryState, Execution] | None = None
    _known: dict[Key, tuple[DirectoryState, Execution]] = field(default_factory=dict)

    def take(self, execution: Execution, log: ChangeLog) -> None:
        """Gather what the power may leave at each moment of this execution."""
        self.executions += 1
        for moment in moments(execution, log):
            self.moments += 1
            states = self._states(log, moment)
            self.is_sampled |= not states.exhausted
            for state in states.states:
                key = alike(state, self.forgotten), moment.known
                self._known.setdefault(key, (state, execution))

    def _states(self, log: ChangeLog, moment: Moment) -> CrashStates:
        return crash_states(
            log, moment.at, self.model, states_max=self.states_max, seed=self.seed + self.moments
        )

    @property
    def states(self) -> int:
        """How many different ones there were."""
        return len(self._known)

    def take_recovery(self, log: ChangeLog, execution: Execution, known: Acknowledged) -> None:
        """The same for each moment of a recovery, which has nobody to tell anything."""
        self.executions += 1
        for at in range(len(log.changes) + 1):
            self.moments += 1
            states = self._states(log, Moment(at, known))
            self.is_sampled |= not states.exhausted
            for state in states.states:
                key = alike(state, self.forgotten), known
                self._known.setdefault(key, (state, execution))

    def cases(self) -> list[tuple[DirectoryState, Acknowledged, Execution]]:
        """Each state with what had been told, and an execution that led there."""
        return [(state, known, run) for (_, known), (state, run) in self._known.items()]

    def gathered(self) -> list[DirectoryState]:
        """One of each."""
        return [state for state, _ in self._known.values()]

    def recover_all(self, restarted: Callable[[], AbstractContextManager[None]]) -> None:
        """Open the board on each, until it breaks a promise; on a sample if there are too many."""
        cases = list(self._known.items())
        if self.recoveries_max is not None and len(cases) > self.recoveries_max:
            self.is_sampled = True
            cases = random.Random(self.seed).sample(cases, self.recoveries_max)
        with restarted():
            for (_, known), (state, execution) in cases:
                shutil.rmtree(self.root, ignore_errors=True)
                restore(state, self.root)
                self.recoveries += 1
                broken = recover(self.board, self.root, known)
                if broken:
                    self.found = (broken[0], state, execution)
                    return

    def words(self) -> str:
        """What was tried, as a sentence."""
        of = f" of {self.states}" if self.recoveries < self.states else ""
        how = "a sample of what is allowed" if self.is_sampled else "all that is allowed"
        but = f", what {self.forgotten} holds counted as one" if self.forgotten else ""
        return (
            f"model {self.model}: {self.recoveries}{of} different states ({how}{but}) at "
            f"{self.moments} moments of {self.executions} executions"
        )


def moments(execution: Execution, log: ChangeLog) -> Iterator[Moment]:
    """Before the first change, and after each."""
    if log.unseen:
        raise ValueError(f"the log must hold all changes, got {'; '.join(log.unseen)}")
    for at in range(len(log.changes) + 1):
        step = log.steps[at] if at < len(log.steps) else len(execution.trace)
        yield Moment(at, acknowledged(execution, step))


def alike(state: DirectoryState, forgotten: str | None = None) -> bytes:
    """The same for states that differ in long numbers only, or in what a directory's files hold."""
    found = hashlib.blake2b(repr((state.directories, state.links)).encode(), digest_size=16)
    for name, data in state.files:
        found.update(name.encode() + b"\0")
        if forgotten is None or not name.startswith(f"{forgotten}/"):
            found.update(_masked(data))
    return found.digest()


@lru_cache(10_000)
def _masked(data: bytes) -> bytes:
    return hashlib.blake2b(_NUMBERS.sub(b"#", data)).digest()


@contextmanager
def restarted(boot: str = "after the power loss") -> Iterator[None]:
    """The machine has another boot id meanwhile, as our own board sees it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swarm.boot, "_of_linux", lambda: boot)
        swarm.boot.boot_id.cache_clear()
        try:
            yield
        finally:
            swarm.boot.boot_id.cache_clear()


@contextmanager
def not_restarted() -> Iterator[None]:
    """Only the processes died."""
    yield


def restarted_after(model: Model) -> Callable[[], AbstractContextManager[None]]:
    """What happens to the machine before it goes on."""
    return not_restarted if model == "K" else restarted


def with_one_preemption(
    scenario: Scenario, board: Board, root: Path, every: int = 1
) -> Iterator[tuple[Execution, ChangeLog]]:
    """Every execution with at most one preemption, of two agents; or each ``every``-th."""
    first, second = scenario.agents
    for agent, other in ((first, second), (second, first)):
        alone = _turns(scenario, (agent, EFFECTS_MAX))
        execution, log = run_recorded(alone, board, root)
        yield execution, log
        own = sum(step.agent == agent for step in execution.trace)
        for effects in range(1, own, every):
            yield run_recorded(
                _turns(scenario, (agent, effects), (other, EFFECTS_MAX)), board, root
            )


def _turns(scenario: Scenario, *turns: tuple[str, int]) -> Scenario:
    return replace(scenario, interleaving=Interleaving(kind="turns", turns=turns))


def recorded_recovery(board: Board, root: Path, known: Acknowledged) -> ChangeLog:
    """What a recovery of what is at ``root`` does, a day after the scenarios begin."""
    recorder = DirectoryRecorder(root)
    time = SharedTime(int((START + 86_400) * 1e9))
    gate = ThreadGate(root, Switches({}), time, kind=partial(RecordedAgent, recorder))
    broken: list[Verdict] = []
    gate.run({"recovering": lambda: broken.extend(recover(board, root, known))})
    if broken:
        raise ValueError(f"the recovery must succeed when nothing ends it, got {broken[0]}")
    return recorder.log


def fast_directory(tmp_path: Path) -> Path:
    """In memory where there is such a place, since nobody cuts the power of this machine."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else tmp_path
