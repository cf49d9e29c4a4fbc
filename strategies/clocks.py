"""Clocks: how far the agents' clocks are apart, and how finely files tell time, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from strategies import reading

__all__ = ["Clock", "clocks", "clocks_apart"]


@dataclass(frozen=True, slots=True)
class Clock:
    """``skews_seconds`` says how far an agent's clock is ahead of the run's, 0 where it is absent.

    ``file_tick_seconds`` is the granularity of file times; 0: each change has a time of its own.
    """

    skews_seconds: tuple[tuple[str, float], ...] = ()
    file_tick_seconds: float = 0.0

    def skew_ns(self, agent: str) -> int:
        """By how much this agent's clock is ahead, in nanoseconds."""
        return int(dict(self.skews_seconds).get(agent, 0.0) * 1e9)

    @property
    def file_tick_ns(self) -> int:
        """The granularity of file times in nanoseconds."""
        return int(self.file_tick_seconds * 1e9)

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what goes without saying."""
        fields: dict[str, Any] = {}
        if self.skews_seconds:
            fields["skews_seconds"] = dict(self.skews_seconds)
        if self.file_tick_seconds:
            fields["file_tick_seconds"] = self.file_tick_seconds
        return fields

    @staticmethod
    def from_json(fields: object) -> Clock:
        """The inverse of ``to_json``. Raises ValueError for what is no time."""
        given = reading.members(fields, "clock", [], ["skews_seconds", "file_tick_seconds"])
        skews = given.get("skews_seconds", {})
        if not isinstance(skews, dict):
            reading.refuse("skews_seconds", "be an object", skews)
        most = reading.SECONDS_MAX
        return Clock(
            tuple(
                (reading.agent(name), reading.number(ahead, "skews_seconds", -most, most))
                for name, ahead in skews.items()
            ),
            reading.number(given.get("file_tick_seconds", 0.0), "file_tick_seconds", 0, most),
        )


def clocks(agents: Sequence[str]) -> st.SearchStrategy[Clock]:
    """Mostly one exact clock for all, to which it shrinks; else those of ``clocks_apart``."""
    apart = clocks_apart(agents)
    return st.integers(0, 4).flatmap(lambda n: st.just(Clock()) if n < 4 else apart)


def clocks_apart(agents: Sequence[str]) -> st.SearchStrategy[Clock]:
    """Apart by up to two hours, if they are.

    File times are exact, or tick as those of common file systems: 4 ms, one or two seconds.
    """
    skew = st.sampled_from([0.0, 0.5, -0.5, 60.0, -60.0, 3600.0, -3600.0, 7200.0])
    skews = st.tuples(*(skew for _ in agents)).map(
        lambda drawn: tuple(pair for pair in zip(agents, drawn, strict=True) if pair[1])
    )
    return st.builds(Clock, skews, st.sampled_from([0.0, 0.004, 1.0, 2.0]))
