"""What a board promises beside the invariants, as far as a judge has to know it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, get_args

from proofs.harness.invariants import INVARIANTS
from strategies.crashes import MODELS, Model

Order = Literal["priority", "fifo", "any"]
LeaseClock = Literal["any", "wall"]


class PromiseError(ValueError):
    """A board's ``promises`` cannot be read; says which, and what it must be."""


@dataclass(frozen=True, slots=True)
class Promises:
    """``invariants`` None: all of them.

    ``lease_seconds`` infinite: a claim never lapses. ``attempts_max`` None: a stale claim is
    granted again without end. ``stale_ahead``: a claim dated more than one lease ahead has lapsed.
    ``persistence`` is the weakest of the models in which what was
    acknowledged survives (see ``persistence/models.py``), and so in those before it: "K", the death
    of all agents, "E" and "W" and "S", the loss of power. None: nothing of this is promised.
    ``clock`` is what leases go by: "wall" the clock that each caller sees, "any" that, or one that
    all agents of a run share: the monotonic one, or file times. ``tells_errors``: who could not
    read what is there raises, and does not answer as if it were not there.
    """

    invariants: frozenset[str] | None = None
    lease_seconds: float = 3600.0
    attempts_max: int | None = 5
    order: Order = "priority"
    persistence: Model | None = None
    clock: LeaseClock = "any"
    stale_ahead: bool = False
    tells_errors: bool = False

    @staticmethod
    def of(board: object) -> Promises:
        """Those that a board's callable tells in its attribute ``promises``, a dict.

        ``lease_seconds`` None there says that claims never lapse. Raises ``PromiseError`` for what
        is no promise, or has no such value: a slip must not pass for a promise not made.
        """
        told: Any = getattr(board, "promises", {})
        if not isinstance(told, Mapping):
            raise _wrong("", "be a dict", told)
        for key in told:
            if key not in _READERS:
                raise PromiseError(f"promises must be of {', '.join(_READERS)}, got {key!r}")
        return Promises(**{key: _READERS[key](value) for key, value in told.items()})

    def include(self, invariant: str) -> bool:
        """Whether the board promises it."""
        return self.invariants is None or invariant in self.invariants


def _invariants(told: Any) -> frozenset[str] | None:
    if told is None:
        return None
    if not isinstance(told, list | tuple | set | frozenset) or not set(told) <= set(INVARIANTS):
        raise _wrong("invariants", f"list some of {', '.join(INVARIANTS)}", told)
    return frozenset(told)


def _lease_seconds(told: Any) -> float:
    if told is None:
        return math.inf
    if isinstance(told, bool) or not isinstance(told, int | float) or not told > 0:
        raise _wrong("lease_seconds", "be a positive number, or None for ever", told)
    return float(told)


def _attempts_max(told: Any) -> int | None:
    if told is not None and (isinstance(told, bool) or not isinstance(told, int) or told < 1):
        raise _wrong("attempts_max", "be a positive whole number, or None for no end", told)
    found: int | None = told
    return found


def _order(told: Any) -> Any:
    return _one_of("order", get_args(Order), told)


def _persistence(told: Any) -> Any:
    return _one_of("persistence", MODELS, told)


def _clock(told: Any) -> Any:
    return _one_of("clock", get_args(LeaseClock), told)


def _flag(key: str, told: Any) -> bool:
    if not isinstance(told, bool):
        raise _wrong(key, "be True or False", told)
    return told


def _one_of(key: str, words: tuple[str, ...], told: Any) -> Any:
    if not isinstance(told, str) or told not in words:
        raise _wrong(key, f"be one of {', '.join(words)}", told)
    return told


def _wrong(key: str, rule: str, told: object) -> PromiseError:
    return PromiseError(f"promises{f'[{key!r}]' if key else ''} must {rule}, got {told!r:.120}")


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "invariants": _invariants,
    "persistence": _persistence,
    "lease_seconds": _lease_seconds,
    "attempts_max": _attempts_max,
    "order": _order,
    "clock": _clock,
    "stale_ahead": partial(_flag, "stale_ahead"),
    "tells_errors": partial(_flag, "tells_errors"),
}

PROMISES = Promises()
"""Those of a board that says nothing of its own."""
