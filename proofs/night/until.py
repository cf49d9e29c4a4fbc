"""Until when a turn, or a night, goes on."""

from __future__ import annotations

import time


class TurnOver(KeyboardInterrupt):
    """Ends a turn between two executions.

    An interruption, because that is all that Hypothesis passes on as it is; of anything else it
    would say that the test is flaky, since it ended earlier this time.
    """


class Until:
    """A moment, so many seconds from now; by the clock that every process of a machine shares."""

    def __init__(self, seconds: float) -> None:
        self.began = time.monotonic()
        self.ends = self.began + seconds

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds, 0 once it is over."""
        return max(0.0, self.ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the moment has come."""
        return not self.left

    def check(self) -> None:
        """Raise ``TurnOver`` where it is over."""
        if self.is_over:
            raise TurnOver

    def end(self) -> None:
        """Now."""
        self.ends = 0.0
