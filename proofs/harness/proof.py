"""A proof: executions of one board at one gate, judged one by one and together."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from proofs.harness.checkers import LEAK, check
from proofs.harness.conviction import Conviction, convict, counterexample_of
from proofs.harness.counterexample import Expect, save, shell_path
from proofs.harness.coverage import Coverage
from proofs.harness.determinism import NondeterminismError, compare
from proofs.harness.execution import Execution
from proofs.harness.gates import GateName, Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.matrix import Cell
from proofs.harness.needs import nobody_asked
from proofs.harness.verdict import UnknownError, Value, Verdict
from strategies.scenarios import Scenario

Extent = Literal["exhausted", "sampled", "replayed", "convicted"]


class ViolatedError(AssertionError):
    """The board broke a promise; says which, how, and how to see it again."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a proof shows. ``invariants`` are those that were judged, ``not_applicable`` says of the
    others why not; ``bound`` and ``words`` are how much was tried, as numbers and as a sentence;
    ``cells`` are what it adds to the matrices of the report.
    """

    proof: str
    board: str
    gate: str
    verdict: Value | Literal["harness fault"]
    words: str
    invariants: tuple[str, ...] = ()
    not_applicable: dict[str, str] = field(default_factory=dict)
    extent: Extent = "sampled"
    bound: dict[str, int] = field(default_factory=dict)
    executions: int = 0
    seconds: float = 0.0
    counterexamples: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()

    def __str__(self) -> str:
        how = f" ({self.extent})" if self.verdict == "holds" else ""
        what = f", {' '.join(self.invariants)}" if self.invariants else ""
        return f"{self.verdict}{how}: {self.board}{what}: {self.words}"


class Proof:
    """Counts what was tried; convicts at once what breaks a promise.

    ``extent``, ``space`` and ``cells`` are told with the conclusion: whether all of a space was
    tried, which, and what came of each trial.
    ``invariants`` None: whatever the checkers judge. The counterexample is written to ``folder``.
    The first execution, one in fifty, and each that fails are run a second time, guarded, and
    compared: what differs or goes unseen makes the verdict unknown. A leak is convicted when the
    proof is settled: it may be in every run, and must hide nothing else.
    """

    def __init__(
        self,
        name: str,
        gates: Gates,
        gate: GateName,
        folder: Path,
        *,
        invariants: Collection[str] | None = None,
        expect: Expect = "holds",
    ) -> None:
        self.name = name
        self.gates = gates
        self.gate = gate
        self.coverage = Coverage()
        self.conviction: Conviction | None = None
        self.path: Path | None = None
        self._folder = folder
        self._invariants = None if invariants is None else frozenset(invariants)
        self._expect = expect
        self._schedule = GuardSchedule()
        self._judged: set[str] = set()
        self._not_applicable: dict[str, str] = {}
        self._unknown: dict[str, str] = {}
        self._ended: tuple[Scenario, ViolatedError | UnknownError] | None = None
        self._leak: tuple[Execution, Verdict] | None = None
        self.extent: Extent = "sampled"
        self.space = ""
        self.cells: list[Cell] = []
        self._began = time.monotonic()

    def examine(self, scenario: Scenario) -> Execution:
        """Run a scenario and judge it. Raises ``ViolatedError`` and ``UnknownError``."""
        if self._ended is not None and self._ended[0] == scenario:
            raise self._ended[1]  # asked again by who wants to see it fail twice
        try:
            execution = self.gates.run(scenario, self.gate)
        except UnknownError as error:
            self._ended = scenario, error
            raise
        self.take(execution)
        return execution

    def take(self, execution: Execution) -> None:
        """Judge an execution that was run elsewhere, at this gate. Raises as ``examine``."""
        self.coverage.add(execution)
        verdicts = check(execution, self.gates.board.promises)
        broken = self._first_violated(verdicts)
        try:
            if broken is not None or self._schedule.is_due():
                run_again(self.gates, self.gate, execution)
            if broken is not None and self._may_wait(broken):
                self._leak = execution, broken
            elif broken is not None:
                self._convict(execution, broken)
        except (ViolatedError, UnknownError) as error:
            self._ended = execution.scenario, error
            raise
        self._note(verdicts)

    def settle(self) -> None:
        """All was examined. Raises ``ViolatedError`` for a leak, and ``UnknownError``."""
        if self._leak is not None:
            self._convict(*self._leak)

    def may_still_reach(self) -> bool:
        """Whether more executions may show what these left out."""
        return self.coverage.may_still_reach()

    def conclude(self) -> Conclusion:
        """What all the executions show together; a verdict of unknown says why."""
        why = self.coverage.why_unknown() or self._what_was_not_judged()
        idle = self._idle()
        told = f"{self.space}{', ' if self.space else ''}{self.coverage.words(self.gate)}"
        return Conclusion(
            self.name,
            self.gates.board.name,
            self.gate,
            "unknown" if why else "holds",
            f"{why}; {told}" if why else told,
            tuple(sorted(self._judged.difference(idle), key=_by_number)),
            {n: why for n, why in self._not_applicable.items() if n not in self._judged} | idle,
            self.extent,
            self.coverage.numbers(),
            self.coverage.executions,
            round(time.monotonic() - self._began, 3),
            () if self.path is None else (str(self.path),),
            tuple(self.cells),
        )

    def _first_violated(self, verdicts: list[Verdict]) -> Verdict | None:
        """The first of those looked at; of leaks the first one is enough."""
        broken = (v for v in verdicts if v.value == "violated" and self._looks_at(v))
        return next((v for v in broken if self._leak is None or v.invariant != LEAK), None)

    def _may_wait(self, broken: Verdict) -> bool:
        """Whether other things are to be looked for first."""
        return broken.invariant == LEAK and self._invariants != frozenset({LEAK})

    def _looks_at(self, verdict: Verdict) -> bool:
        return self._invariants is None or verdict.invariant in self._invariants

    def _convict(self, execution: Execution, broken: Verdict) -> None:
        try:
            self.conviction = convict(self.gates, self.gate, execution, broken.invariant)
        except NondeterminismError as error:
            raise UnknownError(str(error)) from None
        board = self.gates.board
        found = counterexample_of(self.conviction, board.text, self.gates.root, self._expect)
        self.path = save(found, self._folder)
        words = self.conviction.words(board.name)
        how = f"Replay: pytest {shell_path(self.path)}"
        told = f"{words}\nFound in execution {self.coverage.executions}.\n{how}"
        raise ViolatedError(told)

    def _note(self, verdicts: list[Verdict]) -> None:
        for verdict in filter(self._looks_at, verdicts):
            if verdict.value == "violated":
                continue  # to be convicted of when the proof is settled
            if verdict.value == "holds":
                self._judged.add(verdict.invariant)
            elif verdict.value == "unknown":
                self._unknown.setdefault(verdict.invariant, verdict.words)
            else:
                self._not_applicable.setdefault(verdict.invariant, verdict.words)

    def _idle(self) -> dict[str, str]:
        """The invariants that could not be broken, because nobody asked what may break them."""
        asked = +self.coverage.invoked
        told = {name: nobody_asked(name, asked) for name in self._judged}
        return {name: why for name, why in told.items() if why is not None}

    def _what_was_not_judged(self) -> str | None:
        told = [f"{name}: {words}" for name, words in self._unknown.items()]
        return "; ".join(told) or None


def _by_number(invariant: str) -> tuple[str, int]:
    return (invariant[0], int(invariant[1:]))


def run_again(gates: Gates, gate: GateName, execution: Execution) -> None:
    """Run its scenario once more, under guard. Raises ``UnknownError`` if anything went unseen, or
    if it went another way.
    """
    guarded = gates.run(execution.scenario, gate, guarded=True)
    if guarded.unseen:
        raise UnknownError(f"effects went unseen: {'; '.join(guarded.unseen)}")
    try:
        compare(execution, guarded)
    except NondeterminismError as error:
        raise UnknownError(str(error)) from None
