"""An id becomes a path as it is, and leads out of the board's directory."""

from __future__ import annotations

from typing import Final

from proofs.broken_boards.base import SkipsDamage
from strategies.programs import OUTSIDE, Ask

INVARIANT: Final = "S11"
PREEMPTIONS: Final = 0
TASKS: Final = 1
PROGRAMS: Final = ((Ask("post", OUTSIDE, fenced=False),),)


class Board(SkipsDamage):
    """Joins the id to its directory."""
