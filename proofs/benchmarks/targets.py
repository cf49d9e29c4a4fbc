"""What the board is to reach, and whether it did in this run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proofs.benchmarks.boards import Durability, Kind
from proofs.benchmarks.figures import DURABILITIES, Figures, Setting
from proofs.benchmarks.tables import NOT_MEASURED, seconds, table, times

_GROWTH_MAX: Final = 2
_OPEN_SECONDS_MAX: Final = 0.010
_UNHALTED: Final = (
    "In brackets, and what counts: with the time taken off in which lock-and-scan was not on a\n"
    "processor. A busy machine halts its long claims, hardly the short ones of TaskBoard."
)


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
    lines = table(headers, [target.row() for target in targets])
    return f"Targets\n{lines}\n{_UNHALTED}"


def _growth(figures: Figures) -> Target:
    ratios = [figures.claim_ratio(_ours(10_000, each), _ours(100, each)) for each in DURABILITIES]
    return Target(
        "claim p50 at 10,000 tasks under 2 times that at 100",
        [None if ratio is None else times(ratio) for ratio in ratios],
        [None if ratio is None else ratio < _GROWTH_MAX for ratio in ratios],
    )


def _speed(figures: Figures, *, tasks: int, least: float) -> Target:
    measured: list[str | None] = []
    met: list[bool | None] = []
    for each in DURABILITIES:
        pair = Setting(Kind.LOCK_AND_SCAN, tasks, each), _ours(tasks, each)
        ratio, unhalted = figures.claim_ratio(*pair), figures.claim_ratio_unhalted(*pair)
        measured.append(None if ratio is None else f"{times(ratio)} ({times(unhalted)})")
        met.append(None if unhalted is None else unhalted >= least)
    words = f"claim p50 at {tasks:,} tasks at least {least:g} times faster than lock-and-scan"
    return Target(words, measured, met)


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
