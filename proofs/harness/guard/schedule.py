"""When the guard runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Final

EVERY: Final = 50


class GuardSchedule:
    """The first execution of each board at each gate is guarded, and then one in ``every``.

    By count, not by chance. Who finds a violation runs it again under the guard before it is
    believed; that is not asked for here.
    """

    def __init__(self, every: int = EVERY) -> None:
        self._every = every
        self._executions: Counter[tuple[Hashable, Hashable]] = Counter()

    def is_due(self, board: Hashable, gate: Hashable) -> bool:
        """Whether the next execution of this board at this gate is to be guarded; counts it."""
        done = self._executions[board, gate]
        self._executions[board, gate] += 1
        return done % self._every == 0
