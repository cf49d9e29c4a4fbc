"""What a board promises beside the invariants, as far as a judge has to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Promises:
    """``attempts_max`` None: a stale claim is granted again without end."""

    lease_seconds: float = 3600.0
    attempts_max: int | None = 5
    order: Literal["priority", "fifo", "any"] = "priority"


PROMISES = Promises()
"""Those of a board that says nothing of its own."""
