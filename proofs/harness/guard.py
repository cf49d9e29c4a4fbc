"""When an execution is guarded: run with a look at what goes past the doors."""

from __future__ import annotations

from typing import Final

EVERY: Final = 50


class GuardSchedule:
    """The first execution of a board at a gate, and then one in fifty."""

    def __init__(self) -> None:
        self._executions = 0

    def is_due(self) -> bool:
        """To be asked once for each execution."""
        self._executions += 1
        return self._executions % EVERY == 1
