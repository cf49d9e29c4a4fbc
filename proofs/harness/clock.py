"""Virtual time: one clock for a run, owned by its scenario; agents may see it skewed."""

from __future__ import annotations

from dataclasses import dataclass

EFFECT_NS = 1_000
"""How far each effect moves the clock, so that no two changes happen at one moment."""

POLL_SECONDS_MAX = 1.0
"""Who sleeps for longer waits for a moment, and not for something to change."""


@dataclass(slots=True)
class SharedTime:
    """The moment it is, in nanoseconds, for everybody in a run.

    ``now_ns`` only goes on; sleeps and timeouts go by it. ``set_ns`` is by how much all calendars
    were set since the run began. ``file_tick_ns`` is the granularity of file times, 0 for exact
    ones.
    """

    now_ns: int
    file_tick_ns: int = 0
    set_ns: int = 0

    @property
    def calendar_ns(self) -> int:
        """Nanoseconds since the epoch, as a calendar tells them that is neither fast nor slow."""
        return self.now_ns + self.set_ns

    @property
    def file_ns(self) -> int:
        """What a file that is changed now bears as its time."""
        tick, calendar_ns = self.file_tick_ns, self.now_ns + self.set_ns
        return calendar_ns - calendar_ns % tick if tick else calendar_ns

    def advance(self, nanoseconds: int) -> None:
        """Time goes on."""
        self.now_ns += nanoseconds

    def set(self, by_ns: int) -> None:
        """All calendars are set, ahead or back; no time has passed."""
        self.set_ns += by_ns


@dataclass(slots=True)
class VirtualClock:
    """One agent's view of the time."""

    shared: SharedTime
    skew_ns: int = 0

    def time_ns(self) -> int:
        """Nanoseconds since the epoch, as this agent's machine tells them."""
        return self.shared.now_ns + self.shared.set_ns + self.skew_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment; skew and clocks that were set do not show."""
        return self.shared.now_ns
