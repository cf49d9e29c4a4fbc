"""Judges the executions of one turn: what breaks a promise is kept, made small, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from proofs.harness.answers import UnfitBoardError
from proofs.harness.checkers import LEAK, check
from proofs.harness.conflicts import Seen, touches
from proofs.harness.conviction import Conviction, convict, counterexample_of
from proofs.harness.counterexample import Counterexample, save
from proofs.harness.coverage import Coverage
from proofs.harness.determinism import NondeterminismError
from proofs.harness.execution import Execution
from proofs.harness.gates import GateName, Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.matrix import Cell
from proofs.harness.proof import run_again
from proofs.harness.turns import turns_of
from proofs.harness.verdict import UnknownError, Verdict
from proofs.night.corpus import Corpus, Entry
from proofs.night.found import Found, Met
from proofs.night.reached import Pair, pairs_of
from proofs.night.sieve import Kind, Sieve, kind_of
from proofs.night.struck import cell_of
from proofs.night.until import TurnOver
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario

LARGE: Final = "found"
"""Ends the name of a file that holds a violation as it was found."""


class Judge:
    """As ``Proof``, but it goes on after a violation, and says at once what it found.

    ``pairs`` is what the worker knows to have been reached; it grows, and so does the corpus.
    ``unknown`` says why something could not be judged, and how often; ``cells`` are what it adds to
    the matrices of the report, by how often; ``concluded`` what whole proofs came to, as a report
    holds it; ``learned`` is what the last execution put into the
    corpus; ``replays`` are the verdicts of files that were replayed. The
    counterexample of a violation is in ``folder`` before it is made small: a night that is killed
    has lost nothing. ``canary`` is the invariant of which alone the board is to be convicted, and
    that is all: nothing is kept of it.
    """

    def __init__(
        self,
        gates: Gates,
        gate: GateName,
        folder: Path,
        corpus: Corpus,
        pairs: set[Pair],
        sieve: Sieve,
        guard: GuardSchedule,
        tell: Callable[[Found | Met], None],
        canary: str | None = None,
    ) -> None:
        self.gates = gates
        self.gate = gate
        self.folder = folder
        self.coverage = Coverage()
        self.new_pairs: set[Pair] = set()
        self.judged: set[str] = set()
        self.not_applicable: dict[str, str] = {}
        self.unknown: Counter[str] = Counter()
        self.cells: Counter[Cell] = Counter()
        self.concluded: list[dict[str, Any]] = []
        self.violations = 0
        self.fault: Exception | None = None
        self.learned: Entry | None = None
        self.replays: dict[str, str] = {}
        self.canary = canary
        self._corpus = corpus
        self._pairs = pairs
        self.sieve = sieve
        self._guard = guard
        self._tell = tell

    def examine(self, scenario: Scenario) -> Execution:
        """Run a scenario and judge it. Raises ``TurnOver`` where no more can be judged: the board
        hangs, or is not one, or something of ours is wrong.
        """
        try:
            execution = self.gates.run(scenario, self.gate)
        except (UnknownError, UnfitBoardError) as error:
            self.unknown[str(error)] += 1
            raise TurnOver from error
        except Exception as error:
            self.fault = error
            raise TurnOver from error
        self.take(execution)
        return execution

    def strike(self, scenario: Scenario) -> None:
        """The same with a scenario of one fault; what came of it is counted in its matrix."""
        violations, unknown = self.violations, self.unknown.total()
        execution = self.examine(scenario)
        cell = cell_of(execution, is_violated=self.violations > violations)
        if cell is not None and self.unknown.total() == unknown:
            self.cells[cell] += 1

    def take(self, execution: Execution) -> None:
        """Judge one that was run at this gate. Raises ``TurnOver`` as ``examine``."""
        try:
            seen = touches(execution.trace)
            self.coverage.add(execution, seen)
            self._learn(execution, seen)
            self._judge(execution)
        except (UnknownError, NondeterminismError) as error:
            self.unknown[str(error)] += 1
        except Exception as error:
            self.fault = error
            raise TurnOver from error

    def _learn(self, execution: Execution, seen: Seen) -> None:
        """Keep it, if it reached a pair that was not seen before."""
        new = pairs_of(seen) - self._pairs
        self.learned = None
        if not new:
            return
        self._pairs |= new
        self.new_pairs |= new
        self.learned = Entry(recorded(execution), self.gate, frozenset(new))
        self._corpus.add(self.learned)

    def _judge(self, execution: Execution) -> None:
        verdicts = check(execution, self.gates.board.promises)
        broken = first_violated(verdicts, self.canary)
        if broken is not None or self._guard.is_due():
            run_again(self.gates, self.gate, execution)
        if broken is not None:
            self._break(execution, broken)
        for verdict in verdicts:
            if verdict.value == "holds":
                self.judged.add(verdict.invariant)
            elif verdict.value == "unknown" and broken is None:
                self.unknown[f"{verdict.invariant}: {verdict.words}"] += 1
            elif verdict.value == "not applicable":
                self.not_applicable.setdefault(verdict.invariant, verdict.words)

    def _break(self, execution: Execution, broken: Verdict) -> None:
        """Make it small, if that was not done for its like; tell of it in any case."""
        self.violations += 1
        if self.canary is not None:
            board = self.gates.board.text
            self._tell(Found("", board, self.gate, broken.invariant, broken.words))
            raise TurnOver
        kind = kind_of(execution, broken)
        if not self.sieve.is_due(kind):
            self._count(kind, broken)
            return
        with self._kept_as_it_is(execution, broken) as met:
            small = convict(self.gates, self.gate, execution, broken.invariant)
            file = self._kept(small)
        self.sieve.came_to(kind, str(file))
        self._tell_of(small, file, met)

    def _count(self, kind: Kind, broken: Verdict) -> None:
        """One more of what is kept already; if it could not be, that was told as unknown."""
        path = self.sieve.names.get(kind)
        if path is not None:
            board = self.gates.board
            words = f"{broken.invariant} violated by {board.name}: {broken.words}"
            self._tell(Found(path, board.text, self.gate, broken.invariant, words))

    def note(self, found: Found) -> None:
        """Something else broke a promise, and keeps it in a file by itself."""
        self.violations += 1
        self._tell(found)

    def _tell_of(self, small: Conviction, path: Path, met: str) -> None:
        told = small.words(self.gates.board.name)
        words, invariant = told.splitlines()[0], small.verdict.invariant
        board = self.gates.board.text
        self._tell(Found(str(path), board, self.gate, invariant, words, told, met=met))

    @contextmanager
    def _kept_as_it_is(self, execution: Execution, broken: Verdict) -> Iterator[str]:
        """A file keeps it until it was made small, or turned out to be none; its name, told of."""
        large = Conviction(execution, broken, (self.gate,), 0, is_fewest=False)
        found = self._counterexample(large)
        path = self.folder / f"{found.file_name().removesuffix('.json')}-{LARGE}.json"
        save(found, self.folder, path.name)
        self._tell(Met(path.name))
        yield path.name
        path.unlink(missing_ok=True)

    def _kept(self, small: Conviction) -> Path:
        return save(self._counterexample(small), self.folder)

    def _counterexample(self, conviction: Conviction) -> Counterexample:
        return counterexample_of(conviction, self.gates.board.text, self.gates.root)


def first_violated(verdicts: list[Verdict], only: str | None = None) -> Verdict | None:
    """The first that is violated; a leak is the last that is looked for: it may be in every run."""
    broken = [one for one in verdicts if one.value == "violated" and only in (None, one.invariant)]
    return min(broken, key=lambda one: one.invariant == LEAK, default=None)


def recorded(execution: Execution) -> Scenario:
    """Its scenario, with the turns that it took in place of who chose them."""
    turns = Interleaving(kind="turns", turns=turns_of(execution.trace))
    return replace(execution.scenario, interleaving=turns)
