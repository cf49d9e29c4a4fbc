"""How far a night is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import click

from proofs.night.reached import in_both_orders, met
from proofs.night.tally import Tally
from proofs.night.until import Until

LINES: Final = 10
"""So many plain lines a night has."""

_RATE_SECONDS: Final = 10.0


class Shows(Protocol):
    """Shows how far a night is."""

    def __call__(self, tally: Tally) -> None:
        """Now it is that far."""
        ...


@contextmanager
def progress(until: Until) -> Iterator[Shows]:
    """To be called as often as one likes."""
    if not sys.stdout.isatty():
        yield _Lines(until)
        return
    total = int(1000 * until.left)
    with click.progressbar(length=total, show_percent=False, show_eta=False, width=24) as bar:
        yield _Bar(bar, until, total)


def told(tally: Tally, rate: float, until: Until) -> str:
    """In one line."""
    count = tally.violations
    return (
        f"{_time(until.left)} left, {rate:,.0f} executions/s, {len(tally.orders):,} orders, "
        f"{tally.pairs_in_words()}, {count:,} violation{'' if count == 1 else 's'}"
    )


def shortly(tally: Tally, rate: float, until: Until) -> str:
    """The same, so that a bar fits beside it on a line of eighty."""
    both, pairs = in_both_orders(tally.pairs), met(tally.pairs)
    return (
        f"{_time(until.left)} {rate:,.0f}/s {len(tally.orders):,} orders, "
        f"{both:,}/{pairs:,} pairs, {tally.violations:,} found"
    )


class _Rate:
    """Executions a second, of the last seconds."""

    def __init__(self, until: Until) -> None:
        self._until = until
        self._seen = [(0.0, 0)]

    def __call__(self, executions: int) -> float:
        now = self._until.seconds
        self._seen.append((now, executions))
        while len(self._seen) > 2 and self._seen[1][0] < now - _RATE_SECONDS:
            self._seen.pop(0)
        since, before = self._seen[0]
        return (executions - before) / max(0.001, now - since)


class _Lines:
    def __init__(self, until: Until) -> None:
        self._until = until
        self._rate = _Rate(until)
        self._every = (until.ends - until.began) / LINES
        self._next = self._every

    def __call__(self, tally: Tally) -> None:
        if self._until.seconds >= self._next:
            self._next = self._until.seconds + self._every
            print(told(tally, self._rate(tally.executions), self._until), flush=True)


class _Bar:
    def __init__(self, bar: Any, until: Until, total: int) -> None:
        self._bar = bar
        self._until = until
        self._rate = _Rate(until)
        self._total = total

    def __call__(self, tally: Tally) -> None:
        done = min(self._total, int(1000 * self._until.seconds))
        self._bar.label = shortly(tally, self._rate(tally.executions), self._until)
        self._bar.update(max(0, done - self._bar.pos))


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
