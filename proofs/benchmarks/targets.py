"""What the board is to reach, and whether it did in this run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from proofs.benchmarks.boards import Durability, Kind
from proofs.benchmarks.figures import DURABILITIES, Figures, Setting
from proofs.benchmarks.tables import NOT_MEASURED, seconds, table, times

_OPEN_SECONDS_MAX: Final = 0.010


@dataclass(frozen=True, slots=True)
class Target:
    """One target: for each durability what was measured and whether it is met, None if it was not.

    It is met if it is met durable and not.
    """

    words: str
    measured: Sequence[str | None]
    met: Sequence[bool | None]

    def row(self) -> list[str]:
        """Its line in the table."""
        met = "yes" if all(self.met) else "NO"
        verdict = NOT_MEASURED if None in self.met else met
        return [self.words, *(each or NOT_MEASURED for each in self.measured), verdict]


def targets_table(figures: Figures) -> str:
    """All of them, with a title."""
    targets = [
        _growth(figures),
        _speed(figures, tasks=1_000, least=50),
        _speed(figures, tasks=10_000, least=500),
        _opening(figures),
        _draining(figures),
    ]
    headers = ["target", "durable", "not durable", "met"]
    return "Targets\n" + table(headers, [target.row() for target in targets])


def _growth(figures: Figures) -> Target:
    ratios = [figures.claim_ratio(_ours(10_000, each), _ours(100, each)) for each in DURABILITIES]
    return _between("claim p50 at 10,000 tasks under 2 times that at 100", ratios, below=2)


def _speed(figures: Figures, *, tasks: int, least: float) -> Target:
    ratios = [
        figures.claim_ratio(Setting(Kind.LOCK_AND_SCAN, tasks, each), _ours(tasks, each))
        for each in DURABILITIES
    ]
    words = f"claim p50 at {tasks:,} tasks at least {least:g} times faster than lock-and-scan"
    return _between(words, ratios, least=least)


def _between(
    words: str, ratios: Sequence[float | None], *, least: float = 0, below: float = inf
) -> Target:
    measured = [None if ratio is None else times(ratio) for ratio in ratios]
    return Target(words, measured, [None if r is None else least <= r < below for r in ratios])


def _opening(figures: Figures) -> Target:
    medians = [figures.open_seconds(_ours(10_000, each)) for each in DURABILITIES]
    return Target(
        "opening plus first claim in a fresh process at 10,000 tasks under 10 ms",
        [None if each is None else seconds(each) for each in medians],
        [None if each is None else each < _OPEN_SECONDS_MAX for each in medians],
    )


def _draining(figures: Figures) -> Target:
    drains = [figures.drains.get((_ours(1_000, each), 4), []) for each in DURABILITIES]
    words = [
        f"{sum(one.granted_twice for one in each)} twice, {sum(one.left or 0 for one in each)} left"
        for each in drains
    ]
    return Target(
        "4 processes drain 1,000 tasks, nothing claimed twice, nothing left",
        [one if each else None for one, each in zip(words, drains, strict=True)],
        [all(one.is_right for one in each) if each else None for each in drains],
    )


def _ours(tasks: int, durability: Durability) -> Setting:
    return Setting(Kind.OURS, tasks, durability)
