"""Virtual time: one clock for a run, owned by its scenario; agents may see it skewed."""

from __future__ import annotations

from dataclasses import dataclass

EFFECT_NS = 1_000
"""How far each effect moves the clock, so that no two changes happen at one moment."""

POLL_SECONDS_MAX = 1.0
"""Who sleeps for longer waits for a moment, and not for something to change."""


@dataclass(slots=True)
class SharedTime:
    """The moment it is, in nanoseconds since the epoch, for everybody in a run.

    ``file_tick_ns`` is the granularity of file times, 0 for exact ones.
    """

    now_ns: int
    file_tick_ns: int = 0

    @property
    def file_ns(self) -> int:
        """What a file that is changed now bears as its time."""
        tick = self.file_tick_ns
        return self.now_ns - self.now_ns % tick if tick else self.now_ns

    def advance(self, nanoseconds: int) -> None:
        """Time goes on; a negative number sets all clocks back."""
        self.now_ns += nanoseconds


@dataclass(slots=True)
class VirtualClock:
    """One agent's view of the time. The monotonic reading never goes back."""

    shared: SharedTime
    skew_ns: int = 0
    _latest_ns: int = 0

    def time_ns(self) -> int:
        """Nanoseconds since the epoch, as this agent's machine tells them."""
        return self.shared.now_ns + self.skew_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment; skew and clocks set back do not show."""
        self._latest_ns = max(self._latest_ns, self.shared.now_ns)
        return self._latest_ns
