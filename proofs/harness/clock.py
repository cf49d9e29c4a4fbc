"""Virtual time: one clock for a run, owned by its scenario; agents may see it skewed."""

from __future__ import annotations

from dataclasses import dataclass

EFFECT_NS = 1_000
"""How far each effect moves the clock, so that no two changes happen at one moment."""


@dataclass(slots=True)
class SharedTime:
    """The moment it is, in nanoseconds since the epoch, for everybody in a run."""

    now_ns: int

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
