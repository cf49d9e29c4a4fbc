"""Which deep proofs had their turns, in all nights so far: so that each has one in time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from hypothesis.database import ExampleDatabase

from proofs.night.shelf import Shelf

SECONDS_MIN: Final = 20.0
"""One of which nothing is known yet is not begun with less."""

SLACK: Final = 1.2
"""What came to its end needs so many times as long at most; what was cut off needs more."""

SLACK_OF_CUT: Final = 1.5


@dataclass(frozen=True, slots=True)
class Tried:
    """One turn of one test: when it began (UTC), and after how long it ended or was cut off."""

    FORMAT: ClassVar[str] = "swarm-proofs/tried"
    VERSION: ClassVar[int] = 1

    test: str
    when: str
    seconds: float
    is_cut: bool

    def to_fields(self) -> Mapping[str, Any]:
        """See ``Shelf``."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Tried:
        """See ``Shelf``."""
        seconds, is_cut = float(fields["seconds"]), bool(fields["is_cut"])
        return cls(str(fields["test"]), str(fields["when"]), seconds, is_cut)

    def fits(self, seconds: float) -> bool:
        """Whether it may be expected to come to its end in so many."""
        if not self.seconds:  # the night was ended amid it, and nothing is known
            return seconds >= SECONDS_MIN
        return seconds > self.seconds * (SLACK_OF_CUT if self.is_cut else SLACK)


class Turns:
    """The latest of each test, on one board; shared by all who use the database."""

    def __init__(self, database: ExampleDatabase, board: str) -> None:
        self._shelf = Shelf(database, Tried, board)

    def latest(self) -> dict[str, Tried]:
        """By the name of the test."""
        return {one.test: one for one in sorted(self._shelf.values(), key=lambda one: one.when)}

    def begin(self, test: str) -> Tried:
        """Nobody else begins it meanwhile; and of a night that is killed nothing more is known."""
        begun = Tried(test, datetime.now(UTC).isoformat(timespec="milliseconds"), 0.0, True)
        self._put(begun)
        return begun

    def end(self, begun: Tried, seconds: float, *, is_cut: bool) -> None:
        """What came of it."""
        self._put(Tried(begun.test, begun.when, seconds, is_cut))

    def _put(self, new: Tried) -> None:
        old = [one for one in self._shelf.values() if one.test == new.test and one != new]
        self._shelf.add(new)
        for one in old:
            self._shelf.drop(one)


def chosen(
    tests: Sequence[str], latest: Mapping[str, Tried], seconds: float, seed: int
) -> str | None:
    """Of those that come to their end in so many seconds the one whose turn is longest ago; those
    that never had one come first, in an order drawn by the seed. None if none does.
    """
    fit = [
        test
        for test in tests
        if (latest[test].fits(seconds) if test in latest else seconds >= SECONDS_MIN)
    ]
    random.Random(seed).shuffle(fit)
    return min(fit, key=lambda test: latest[test].when if test in latest else "", default=None)
