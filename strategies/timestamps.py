"""Times, leases, and claims that have lapsed or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from hypothesis import strategies as st

__all__ = [
    "claim_times",
    "clock_jumps",
    "lease_durations",
    "live_timestamps",
    "stale_timestamps",
    "times",
]

_NOW: Final = 1_800_000_000.0
_FAR: Final = 1e15  # seconds; some 30 million years, and exact to 1/8 s


def times() -> st.SearchStrategy[int | float]:
    """Seconds since the epoch, int or float, as a task may hold them; shrinks to 0.

    Usual ones first; then any finite double, before the epoch and absurdly far ones too.
    """
    return st.one_of(
        st.integers(0, 2_000_000_000),
        st.floats(0, 2_000_000_000),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
    )


def lease_durations() -> st.SearchStrategy[int | float]:
    """Positive seconds: a day at most in nearly all, then any that a board takes."""
    return st.one_of(
        st.integers(1, 86_400),
        st.floats(0.001, 86_400),
        st.floats(0, exclude_min=True, allow_infinity=False),
    )


def clock_jumps(now: float = _NOW, lease_seconds: float = 3600.0) -> st.SearchStrategy[int | float]:
    """By how many seconds a clock is set, back where negative; shrinks to a second ahead.

    By a little; by the lease exactly, and by a few microseconds less, which is what a claim and a
    look take, so that it lapses at just that moment; by several leases; to before the epoch.
    """
    usual = [1.0, lease_seconds / 2, lease_seconds, 2 * lease_seconds, 50 * lease_seconds]
    nearly = st.integers(1, 200).map(lambda microseconds: lease_seconds - microseconds / 1e6)
    return st.one_of(
        st.sampled_from(usual),
        st.sampled_from(usual).map(lambda seconds: -seconds),
        nearly,
        nearly.map(lambda seconds: -seconds),
        st.just(-now - 86_400.0),
    )


def stale_timestamps(
    now: float = _NOW, lease_seconds: float = 3600.0
) -> st.SearchStrategy[int | float]:
    """Times of claims that have lapsed at ``now`` under a lease of ``lease_seconds``.

    The last moment for which that is so; a little and a lot earlier; before the epoch; more than
    one lease in the future. Shrinks to that last moment. ``now`` and the lease are below 1e15.
    """
    oldest, newest = _limits(now, lease_seconds)
    limit, ahead = oldest.stale, newest.stale
    return st.one_of(
        st.just(limit),
        st.floats(0, lease_seconds).map(lambda seconds: limit - seconds),
        st.floats(0, _FAR).map(lambda seconds: math.floor(limit - seconds)),
        st.floats(-4 * _FAR, min(-1.0, limit)),
        st.just(ahead),
        st.floats(0, _FAR).map(lambda seconds: ahead + seconds),
    )


def live_timestamps(now: float = _NOW, lease_seconds: float = 3600.0) -> st.SearchStrategy[float]:
    """Times of claims that have not lapsed at ``now``, from just inside the limit on either side.

    Shrinks to ``now`` itself. ``now`` and the lease are below 1e15.
    """
    oldest, newest = _limits(now, lease_seconds)
    return st.one_of(
        st.just(float(now)),
        st.just(oldest.live),
        st.just(newest.live),
        st.floats(oldest.live, newest.live),
    )


def claim_times(now: float = _NOW, lease_seconds: float = 3600.0) -> st.SearchStrategy[float]:
    """What a file may say of when a claim was made, by whatever clock; shrinks to ``now``.

    Live and stale ones on both sides of each limit; before the epoch, and any finite double.
    Where the lease is 1e15 seconds or more only the last.
    """
    if lease_seconds >= _FAR:
        return st.one_of(st.just(float(now)), times())
    return st.one_of(
        live_timestamps(now, lease_seconds), stale_timestamps(now, lease_seconds), times()
    )


class _Limit(NamedTuple):
    """Two neighbouring doubles: a claim of one moment has lapsed, of the other it has not."""

    stale: float
    live: float


def _limits(now: float, lease_seconds: float) -> tuple[_Limit, _Limit]:
    """Where claims of the past and claims of the future begin to count as lapsed."""
    far = 2 * lease_seconds + 1

    def lapsed(claimed_at: float) -> bool:
        return now - claimed_at >= lease_seconds or claimed_at - now > lease_seconds

    return _limit(now - far, now, lapsed), _limit(now + far, now, lapsed)


def _limit(stale: float, live: float, lapsed: Callable[[float], bool]) -> _Limit:
    """Halve until nothing lies between: rounding makes a formula wrong by a double or many."""
    while (middle := stale + (live - stale) / 2) not in (stale, live):
        stale, live = (middle, live) if lapsed(middle) else (stale, middle)
    return _Limit(stale, live)
