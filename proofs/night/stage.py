"""What a member of the portfolio has in its turn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase

from proofs.harness.gates import GateName, Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.night.corpus import Corpus
from proofs.night.judge import Judge
from proofs.night.until import TurnOver, Until
from proofs.sampling import each_drawn
from strategies.scenarios import Scenario

EXAMPLES_MAX = 100_000
"""More than a turn has time for."""


@dataclass(frozen=True, slots=True)
class Stage:
    """``seed`` is that of the turn. ``share`` (k, n): the k-th of n parts of what is there is its.
    ``folder`` is where counterexamples go, ``files`` are some that are to be replayed, and
    ``is_strict`` tells that one that diverges is unknown.
    """

    judge: Judge
    until: Until
    seed: int
    corpus: Corpus
    database: ExampleDatabase
    folder: Path
    share: tuple[int, int] = (0, 1)
    files: tuple[str, ...] = ()
    is_strict: bool = False

    @property
    def gates(self) -> Gates:
        """Where it runs scenarios."""
        return self.judge.gates

    @property
    def gate(self) -> GateName:
        """At which of the two."""
        return self.judge.gate

    @property
    def board(self) -> ProvenBoard:
        """What is to be broken."""
        return self.judge.gates.board

    @property
    def lease_seconds(self) -> float:
        """As the board promises it."""
        return self.board.promises.lease_seconds

    def chance(self) -> random.Random:
        """By the seed of the turn."""
        return random.Random(self.seed)

    def sample(self, scenarios: st.SearchStrategy[Scenario]) -> None:
        """Examine scenarios that Hypothesis draws, until the turn is over."""
        self.each(scenarios, self.judge.examine)

    def each(
        self, scenarios: st.SearchStrategy[Scenario], do: Callable[[Scenario], object]
    ) -> None:
        """The same with something else done with each."""

        def do_in_time(scenario: Scenario) -> None:
            self.until.check()
            do(scenario)

        try:
            each_drawn(scenarios, do_in_time, by=self.seed, examples=EXAMPLES_MAX)
        except TurnOver:
            return
