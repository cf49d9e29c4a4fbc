"""What a soak shows: verdicts, and how much they stand on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from proofs.harness.proof import Conclusion
from proofs.harness.verdict import Value, Verdict


@dataclass(frozen=True, slots=True)
class Counts:
    """``overlapping`` are calls that began while another agent's was under way; ``takeovers`` are
    grants of a task that had lapsed; ``raised`` are calls that raised, and ``cut`` those in which
    an agent was killed.
    """

    rounds: int = 0
    operations: int = 0
    grants: int = 0
    overlapping: int = 0
    takeovers: int = 0
    kills: int = 0
    cut: int = 0
    raised: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        names = Counts.__slots__
        return Counts(*(getattr(self, name) + getattr(other, name) for name in names))

    def numbers(self) -> dict[str, int]:
        """By name."""
        return {name: getattr(self, name) for name in Counts.__slots__}

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.operations} calls of which {self.overlapping} overlapped,"
            f" {self.grants} grants, {self.takeovers} takeovers, {self.kills} kills of which"
            f" {self.cut} amid a call"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A promise that was seen broken, in so many ``rounds``; the ``history`` of the first."""

    invariant: str
    words: str
    rounds: int
    history: Path


@dataclass(frozen=True, slots=True)
class Soaked:
    """``verdicts`` are one for each invariant, over all rounds; ``board`` is its short name."""

    board: str
    seed: int
    processes: int
    seconds: float
    counts: Counts
    verdicts: tuple[Verdict, ...]
    found: tuple[Found, ...]
    why_unknown: str | None = None

    @property
    def value(self) -> Value:
        """Of all invariants together."""
        values = {verdict.value for verdict in self.verdicts}
        if "violated" in values:
            return "violated"
        return "unknown" if self.why_unknown or "unknown" in values else "holds"

    def holes(self, found_under_control: Collection[str]) -> tuple[Found, ...]:
        """What was seen here and at no gate: the interception misses something, or a proof does.

        The invariants of this board that were found violated under control are given.
        """
        return tuple(one for one in self.found if one.invariant not in found_under_control)

    def bound(self) -> str:
        """How much was tried."""
        how = f"{self.processes} processes for {self.seconds:.1f} s, nothing intercepted"
        return f"{how}: {self.counts}, seed {self.seed}"

    def words(self) -> str:
        """All of it in a sentence or two."""
        decisive = [str(v) for v in self.verdicts if v.value == self.value and v.words]
        why = [self.why_unknown] if self.why_unknown else []
        return "; ".join([*decisive, *why, self.bound()])

    def conclusion(self) -> Conclusion:
        """As a report shows it, beside the proofs."""
        judged = [v.invariant for v in self.verdicts if v.value in ("holds", "violated")]
        others = {v.invariant: v.words for v in self.verdicts if v.value == "not applicable"}
        return Conclusion(
            "soak",
            self.board,
            "uncontrolled",
            self.value,
            self.words(),
            tuple(judged),
            others,
            bound=self.counts.numbers(),
            executions=self.counts.rounds,
            seconds=round(self.seconds, 3),
        )
