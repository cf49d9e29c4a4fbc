"""A board with one effect of one operation left out, done twice, or done after the next one.

The code of the board stays as it is: the agents that run it do the effect otherwise. So what is
proved of such a board is proved of one whose author forgot a sync, or had two lines in the wrong
order.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

from proofs.harness.adapter import Board
from proofs.harness.agents import nobody_acting
from proofs.harness.clock import SharedTime
from proofs.harness.effects import Effect
from proofs.harness.execution import Ran, run_in_threads
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.watch import Watch
from proofs.harness.persistence.recorded_agent import DirectoryRecorder, RecordedAgent
from proofs.harness.trace import Step
from proofs.harness.turns import pattern_of
from strategies.scenarios import Scenario

T = TypeVar("T")

How = Literal["left out", "doubled", "after the next"]

ANSWERED: Final = frozenset({"open", "read", "stat", "listdir", "lock"})
"""Kinds whose answer is needed at once, so that they can neither be left out nor come later."""

_TASK: Final = re.compile(r"\b[tn]\d+\b")


@dataclass(frozen=True, slots=True, order=True)
class Mutation:
    """``how`` the effect of this label is done in each call of an ``operation``.

    ``occurrence`` counts those of one call, from 1. Tasks are called T in a label.
    """

    operation: str
    label: str
    occurrence: int
    how: How

    def __str__(self) -> str:
        nth = "" if self.occurrence == 1 else f" ({self.occurrence})"
        return f"{self.operation}: {self.label}{nth} {self.how}"


def mutations_of(trace: Sequence[Step], agent: str, operation: str) -> Iterator[Mutation]:
    """All that can be done to the last call of this operation by an agent, in order."""
    own = [step.effect for step in trace if step.agent == agent]
    calls = [n for n, effect in enumerate(own) if _is_call(effect, operation)]
    effects = own[calls[-1] + 1 :]
    after = next((n for n, effect in enumerate(effects) if effect.kind == "call"), len(effects))
    counts: dict[str, int] = {}
    for number, effect in enumerate(effects[:after]):
        label = label_of(effect)
        counts[label] = counts.get(label, 0) + 1
        for how in _ways(effect, is_last=number == after - 1):
            yield Mutation(operation, label, counts[label], how)


def label_of(effect: Effect) -> str:
    """The same for whichever task."""
    return _TASK.sub("T", pattern_of(effect.label()))


def _is_call(effect: Effect, operation: str) -> bool:
    return effect.kind == "call" and effect.detail == operation


def _ways(effect: Effect, *, is_last: bool) -> Iterator[How]:
    """A look can be made twice; what is not answered can be left out or come later, too."""
    if effect.kind not in ANSWERED:
        yield "left out"
    yield "doubled"
    if effect.kind not in ANSWERED and not is_last:
        yield "after the next"


class _Mutating(GatedAgent):
    """Acts as the mutation has it, in each call of its operation."""

    mutation: Mutation
    _counts_down = 0
    _delayed: Callable[[], object] | None = None

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """As any agent, but for the one effect."""
        if effect.kind == "call":
            is_it = _is_call(effect, self.mutation.operation)
            self._counts_down = self.mutation.occurrence if is_it else 0
        elif self._is_the_one(effect):
            return self._perform_otherwise(effect, act)
        delayed, self._delayed = self._delayed, None
        result = super().perform(effect, act, may_wait=may_wait)
        if delayed is not None:
            delayed()
        return result

    def _is_the_one(self, effect: Effect) -> bool:
        if not self._counts_down or label_of(effect) != self.mutation.label:
            return False
        self._counts_down -= 1
        return self._counts_down == 0

    def _perform_otherwise(self, effect: Effect, act: Callable[[], T]) -> T:
        if self.mutation.how == "doubled":
            first = super().perform(effect, act)
            if effect.kind == "open":  # the door closes what it opened if the second one fails
                os.dup(cast(int, first))
            return super().perform(effect, act)
        if effect.kind == "write":
            write = _Undone(self.root / effect.paths[0])
            result, later = write.done_and_undone(act), cast(Callable[[], object], write.again)
        else:
            result, later = _answer(effect), act
        if self.mutation.how == "after the next":
            self._delayed = self._later(effect, later)
        return result

    def _later(self, effect: Effect, act: Callable[[], object]) -> Callable[[], object]:
        return partial(super().perform, effect, act)


class MutatedAgent(_Mutating):
    """An agent in threads."""

    def __init__(self, mutation: Mutation, *args: Any) -> None:
        super().__init__(*args)
        self.mutation = mutation


class RecordedMutatedAgent(_Mutating, RecordedAgent):
    """The same, whose changes are written down."""

    def __init__(self, mutation: Mutation, recorder: DirectoryRecorder, *args: Any) -> None:
        super().__init__(recorder, *args)
        self.mutation = mutation

    def _later(self, effect: Effect, act: Callable[[], object]) -> Callable[[], object]:
        """What is synced is what was to be synced then."""
        perform, places = super()._later(effect, act), self.places
        inode = getattr(places, "inode", None)

        def later() -> object:
            vars(places)["inode"] = inode
            return perform()

        return later


def _answer(effect: Effect) -> Any:
    """What a call answers that is not made: a lock that may have to be waited for is had."""
    return True if effect.kind in ("flock", "lockf") else None


class _Undone:
    """A write that is undone, and done later into the same file, whatever it is called then.

    At the same place: what was written elsewhere meanwhile stays.
    """

    def __init__(self, path: Path) -> None:
        with nobody_acting():
            self._file = open(path, "r+b", buffering=0)  # noqa: SIM115  (closed with the agent's run)
        self._at, self._data = 0, b""

    def done_and_undone(self, write: Callable[[], T]) -> T:
        """Answers what the write does."""
        with nobody_acting():
            before = self._whole()
        result = write()
        with nobody_acting():
            self._at, self._data = _written(before, self._whole())
            self._put(0, before)
            self._file.truncate()
        return result

    def again(self) -> None:
        """In the turn of the agent, as its effect."""
        with nobody_acting():
            self._put(self._at, self._data)
            self._file.close()

    def _whole(self) -> bytes:
        self._file.seek(0)
        return self._file.readall()

    def _put(self, at: int, data: bytes) -> None:
        self._file.seek(at)
        self._file.write(data)


def _written(before: bytes, after: bytes) -> tuple[int, bytes]:
    """Where a write began to change a file, and all that it changed; a write shortens nothing."""
    pairs = enumerate(zip(before, after, strict=False))
    changed = [at for at, (old, new) in pairs if old != new]
    first = changed[0] if changed else len(before)
    end = len(after) if len(after) > len(before) or not changed else changed[-1] + 1
    return first, after[first:end]


class MutatedThreads:
    """The agents of a scenario as threads, all of them mutated; recorded if asked for."""

    def __init__(self, mutation: Mutation, *, is_recorded: bool = False) -> None:
        self.mutation = mutation
        self._is_recorded = is_recorded
        self.recorder: DirectoryRecorder | None = None

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None,
    ) -> Ran:
        """As any gate."""
        kind: Any = partial(MutatedAgent, self.mutation)
        if self._is_recorded:
            self.recorder = DirectoryRecorder(root)
            kind = partial(RecordedMutatedAgent, self.mutation, self.recorder)
        return run_in_threads(scenario, board, root, time, kind=kind)
