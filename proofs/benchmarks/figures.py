"""The figures of one run, and what is told from them: medians, percentiles, ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from proofs.benchmarks.boards import Durability, Kind
from proofs.benchmarks.worker import Opened

DURABILITIES: Final[Sequence[Durability]] = ("power", "kill")


@dataclass(frozen=True, slots=True)
class Setting:
    """A kind of board with so many pending tasks."""

    kind: Kind
    tasks: int
    durability: Durability


@dataclass(frozen=True, slots=True)
class ClaimRound:
    """Seconds of single calls in one process, taken in one go."""

    alone: Sequence[float]
    """Claims, one after another."""
    followed: Sequence[float]
    """Claims, each followed by a complete."""
    completes: Sequence[float]
    processor_share: float
    """The part of the time of the claims alone that this process was on a processor."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Processes that claimed and completed tasks together, from the start signal to the last."""

    tasks_done: int
    seconds: float
    granted_twice: int
    left: int | None
    """Tasks neither granted nor completed; None where the board was not to be emptied."""

    @property
    def is_right(self) -> bool:
        """Nothing claimed twice and nothing left."""
        return not self.granted_twice and not self.left


@dataclass(slots=True)
class Figures:
    """All that was measured in a run; a setting that is missing was not measured."""

    claims: dict[Setting, list[ClaimRound]] = field(default_factory=dict)
    first_opens: dict[Setting, Opened] = field(default_factory=dict)
    """The first opening after filling: what the board keeps beside the tasks is made here."""
    opens: dict[Setting, list[Opened]] = field(default_factory=dict)
    drains: dict[tuple[Setting, int], list[Drain]] = field(default_factory=dict)

    def claim_p50(self, setting: Setting) -> float | None:
        """Median over the rounds of the rounds' medians, in seconds."""
        return _median([median(one.alone) for one in self.claims.get(setting, [])])

    def claim_p99(self, setting: Setting) -> float | None:
        """Over the claims of all rounds, in seconds."""
        return percentile([s for one in self.claims.get(setting, []) for s in one.alone], 99)

    def followed_p50(self, setting: Setting) -> float | None:
        """As ``claim_p50``, of claims each followed by a complete."""
        return _median([median(one.followed) for one in self.claims.get(setting, [])])

    def complete_p50(self, setting: Setting) -> float | None:
        """Median over the rounds of the rounds' medians, in seconds."""
        return _median([median(one.completes) for one in self.claims.get(setting, [])])

    def claim_ratio(self, slower: Setting, faster: Setting) -> float | None:
        """How many times the p50 of one is the other's: the median over rounds side by side."""
        rounds = zip(self.claims.get(slower, []), self.claims.get(faster, []), strict=False)
        return _median([median(one.alone) / median(other.alone) for one, other in rounds])

    def claim_ratio_unhalted(self, slower: Setting, faster: Setting) -> float | None:
        """As ``claim_ratio``, counting of the slower only what it was on a processor.

        A busy machine halts a claim of 100 ms again and again and one of 200 µs hardly ever: one
        and the same board was 402 times faster on two idle processors, and 809 times on two busy
        ones, where this gave 402 again.
        """
        rounds = zip(self.claims.get(slower, []), self.claims.get(faster, []), strict=False)
        return _median(
            [
                median(one.alone) * min(1, one.processor_share) / median(other.alone)
                for one, other in rounds
            ]
        )

    def open_seconds(self, setting: Setting) -> float | None:
        """Median of opening and first claim in a fresh process."""
        return _median([one.seconds for one in self.opens.get(setting, [])])

    def open_seconds_max(self, setting: Setting) -> float | None:
        """The slowest of the rounds."""
        return max((one.seconds for one in self.opens.get(setting, [])), default=None)

    def grown_bytes(self, setting: Setting) -> float | None:
        """Median growth of memory by opening and first claim."""
        grown = [one.grown_bytes for one in self.opens.get(setting, [])]
        return _median([one for one in grown if one is not None])

    def tasks_per_second(self, setting: Setting, processes: int) -> float | None:
        """Median over the rounds."""
        drains = self.drains.get((setting, processes), [])
        return _median([one.tasks_done / one.seconds for one in drains])

    def wrong_drains(self) -> list[str]:
        """In words, each drain where a task was claimed twice or left."""
        return [
            f"{setting.kind}, {setting.tasks} tasks, {processes} processes: "
            f"{drain.granted_twice} claimed twice, {drain.left} left"
            for (setting, processes), drains in self.drains.items()
            for drain in drains
            if not drain.is_right
        ]


def percentile(values: Sequence[float], percent: float) -> float | None:
    """By nearest rank; None of nothing."""
    if not values:
        return None
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def ratio(one: float | None, other: float | None) -> float | None:
    """One over the other, where both were measured."""
    return None if one is None or other is None else one / other


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
