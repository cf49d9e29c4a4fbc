"""All agents die at every moment of an execution: what the board makes of what is left."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from proofs.harness.adapter import Board
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.disk import CrashStates, crash_states, restore
from proofs.harness.execution import Execution
from proofs.harness.persistence.changes import ChangeLog, DirectoryState
from proofs.harness.persistence.crashes import Ended, Moment, moments, moments_of_recovery
from proofs.harness.persistence.recovery import Acknowledged, Recovery, recover
from proofs.harness.trace import Step
from proofs.harness.verdict import Verdict, violated
from strategies.crashes import Model
from strategies.scenarios import START

Restarts = Callable[[Model, int], AbstractContextManager[None]]
"""What becomes of the machine after the n-th crash, while the board is open again."""

Key = tuple[bytes, Acknowledged, int]

_NUMBERS: Final = re.compile(rb"[0-9a-f]{16}|\d+\.\d+|\d{6,}|(?m:^[0-9a-f]{8}$)")


def stays_on(_: Model, __: int) -> AbstractContextManager[None]:
    """Nothing that a board could see."""
    return nullcontext()


@dataclass(slots=True)
class PowerLoss:
    """Opens the board on what one model allows, once for each state and what was told until then.

    States that differ only in long numbers (times, sums, inodes) count as one, and so do those that
    differ in what the files of the directory ``forgotten`` hold, which a restart does not look at.
    ``states_max`` is for one moment, ``recoveries_max`` for each call of ``recover_all``;
    ``is_sampled`` tells that either was too few. ``found`` are the first violation and the crash
    that shows it. The doors must be open.
    """

    board: Board
    root: Path
    model: Model
    states_max: int
    recoveries_max: int | None = None
    seed: int = 0
    forgotten: str | None = None
    promises: Promises = PROMISES
    has_one_counter: bool = False
    restarts: Restarts = stays_on
    executions: int = 0
    moments: int = 0
    recoveries: int = 0
    is_sampled: bool = False
    found: tuple[Verdict, Ended] | None = None
    _known: set[Key] = field(default_factory=set)
    _todo: dict[Key, Ended] = field(default_factory=dict)

    def take(self, execution: Execution) -> None:
        """Gather what may be left at each moment of a recorded execution."""
        log = execution.changes
        assert log is not None
        self.executions += 1
        self._gather(execution, execution.trace, log, moments(execution, log), None)

    def take_recovery(self, after: Ended) -> bool:
        """The same for each moment of the recovery from this; False if that itself is broken."""
        recovery = self.recovered(after, is_recorded=True)
        if recovery.broken:
            return False
        assert recovery.log is not None
        self.executions += 1
        ends = moments_of_recovery(recovery.trace, recovery.log, after.moment.known)
        self._gather(after.execution, recovery.trace, recovery.log, ends, after)
        return True

    def _gather(
        self,
        execution: Execution,
        trace: list[Step],
        log: ChangeLog,
        ends: Iterable[Moment],
        after: Ended | None,
    ) -> None:
        for moment in ends:
            self.moments += 1
            states = self._states(log, moment)
            self.is_sampled |= not states.exhausted
            for state, lost in states.losses.items():
                key = alike(state, self.forgotten), moment.known, 1 if after is None else 2
                if key not in self._known:
                    ended = Ended(execution, trace, log, moment, state, lost, self.model, after)
                    self._known.add(key)
                    self._todo[key] = ended

    def _states(self, log: ChangeLog, moment: Moment) -> CrashStates:
        return crash_states(
            log,
            moment.at,
            self.model,
            states_max=self.states_max,
            seed=self.seed + self.moments,
            forgotten=self.forgotten,
        )

    @property
    def states(self) -> int:
        """How many different ones there were."""
        return len(self._known)

    def crashes(self) -> list[Ended]:
        """One for each that was not tried yet."""
        return list(self._todo.values())

    def recover_all(self, invariant: str | None = None, *, smallest_first: bool = False) -> None:
        """Open the board on each that was not tried yet, until it breaks a promise, or this one.

        On a sample if there are too many.
        """
        todo = self.crashes()
        self._todo.clear()
        if self.recoveries_max is not None and len(todo) > self.recoveries_max:
            self.is_sampled = True
            todo = random.Random(self.seed).sample(todo, self.recoveries_max)
        for ended in sorted(todo, key=lambda one: one.size) if smallest_first else todo:
            broken = self.recovered(ended).broken
            shown = (one for one in broken if invariant in (None, one.invariant))
            verdict = next(shown, None)
            if verdict is not None:
                self.found = (verdict, ended)
                return

    def recovered(self, ended: Ended, *, is_recorded: bool = False) -> Recovery:
        """What the board makes of what one crash left."""
        self.recoveries += 1
        return recovered(
            ended,
            self.board,
            self.root,
            self.promises,
            self.restarts,
            is_recorded=is_recorded,
            has_one_counter=self.has_one_counter,
        )

    def words(self) -> str:
        """What was tried, as a sentence."""
        of = f" of {self.states}" if self.recoveries < self.states else ""
        how = "a sample of what is allowed" if self.is_sampled else "all that is allowed"
        but = f", what {self.forgotten} holds counted as one" if self.forgotten else ""
        return (
            f"model {self.model}: {self.recoveries}{of} different states ({how}{but}) at "
            f"{self.moments} moments of {self.executions} executions"
        )


def recovered(
    ended: Ended,
    board: Board,
    root: Path,
    promises: Promises,
    restarts: Restarts,
    *,
    is_recorded: bool = False,
    has_one_counter: bool = False,
) -> Recovery:
    """Open the board on what a crash left, put at ``root`` anew.

    What a recovery that was cut off itself leaves broken is S15.
    """
    times = len(ended.all)
    shutil.rmtree(root, ignore_errors=True)
    restore(ended.state, root)
    _set_times(ended.state, root)
    with restarts(ended.model, times):
        known = ended.moment.known
        found = recover(
            board,
            root,
            known,
            promises,
            restarts=times,
            is_recorded=is_recorded,
            has_one_counter=has_one_counter,
        )
    if times > 1 and promises.include("S15"):
        found.broken = [violated("S15", f"{one.invariant}: {one.words}") for one in found.broken]
    return found


def _set_times(state: DirectoryState, root: Path) -> None:
    """As old as the scenario, so that no clock of this machine decides."""
    at_ns = int(START * 1e9)
    for path in (*(name for name, _ in state.files), *state.directories, ""):
        os.utime(root / path, ns=(at_ns, at_ns))


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
