"""How long to wait between two looks for work: soon at first, then seldom, never all at once."""

from __future__ import annotations

import random
from collections.abc import Iterator

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 2.0


def pauses() -> Iterator[float]:
    """Seconds, doubled each time up to two, each drawn anew by a quarter around that.

    The spread keeps agents that were started together from looking together for ever.
    """
    pause = _FIRST_SECONDS
    while True:
        yield pause * random.uniform(0.75, 1.25)
        pause = min(2 * pause, _LONGEST_SECONDS)
