"""When the guard runs."""

from __future__ import annotations

from typing import Final

EVERY: Final = 50


class GuardSchedule:
    """For one board at one gate: its first execution is guarded, and then one in fifty.

    By count, not by chance. What fails is run again under guard before it is believed; that is not
    asked for here.
    """

    def __init__(self) -> None:
        self._executions = 0

    def is_due(self) -> bool:
        """Whether this execution is to be guarded; to be asked once for each."""
        self._executions += 1
        return self._executions % EVERY == 1
