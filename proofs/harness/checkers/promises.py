"""What a board promises beside the invariants, as far as a judge has to know it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Order = Literal["priority", "fifo", "any"]


@dataclass(frozen=True, slots=True)
class Promises:
    """``invariants`` None: all of them.

    ``lease_seconds`` infinite: a claim never lapses. ``attempts_max`` None: a stale claim is
    granted again without end.
    """

    invariants: frozenset[str] | None = None
    lease_seconds: float = 3600.0
    attempts_max: int | None = 5
    order: Order = "priority"

    @staticmethod
    def of(board: object) -> Promises:
        """Those that a board's callable tells in its attribute ``promises``, a dict.

        ``lease_seconds`` None there says that claims never lapse.
        """
        told: Mapping[str, Any] = getattr(board, "promises", {})
        invariants, lease = told.get("invariants"), told.get("lease_seconds", 3600.0)
        return Promises(
            None if invariants is None else frozenset(invariants),
            math.inf if lease is None else float(lease),
            told.get("attempts_max", 5),
            told.get("order", "priority"),
        )

    def include(self, invariant: str) -> bool:
        """Whether the board promises it."""
        return self.invariants is None or invariant in self.invariants


PROMISES = Promises()
"""Those of a board that says nothing of its own."""
