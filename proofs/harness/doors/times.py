"""Every way to learn the time or to let it pass."""

from __future__ import annotations

import datetime
import queue
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date as _real_date
from datetime import datetime as _real_datetime
from typing import Any

from proofs.harness.agents import acting
from proofs.harness.clock import VirtualClock
from proofs.harness.doors.replacing import Replacement

_real_sleep = time.sleep
_real_select = select.select

_READINGS: dict[str, Callable[[VirtualClock], float]] = {
    "time": lambda clock: clock.time_ns() / 1e9,
    "time_ns": VirtualClock.time_ns,
    "monotonic": lambda clock: clock.monotonic_ns() / 1e9,
    "monotonic_ns": VirtualClock.monotonic_ns,
    "perf_counter": lambda clock: clock.monotonic_ns() / 1e9,
    "perf_counter_ns": VirtualClock.monotonic_ns,
    "process_time": lambda clock: clock.monotonic_ns() / 1e9,
    "process_time_ns": VirtualClock.monotonic_ns,
    "thread_time": lambda clock: clock.monotonic_ns() / 1e9,
    "thread_time_ns": VirtualClock.monotonic_ns,
}
# name: with how many arguments it looks at the clock; with one more it is given the moment.
_CALENDAR = {"asctime": 0, "ctime": 0, "gmtime": 0, "localtime": 0, "strftime": 1}
_TAKES_SECONDS = frozenset({"ctime", "gmtime", "localtime"})
_real_localtime = time.localtime


_TIMEOUTS = ((threading, "_time"), (queue, "time"), (subprocess, "_time"))
"""Where Python itself has taken the clock under another name."""


def replacements() -> Iterator[Replacement]:
    """What takes the place of the functions of ``time`` and of the classes of ``datetime``."""
    for name, reading in _READINGS.items():
        door = _reading(getattr(time, name), reading)
        yield Replacement(time, name, door)
        if name == "monotonic":
            for module, alias in _TIMEOUTS:
                yield Replacement(module, alias, door)
    for name in ("clock_gettime", "clock_gettime_ns"):
        yield Replacement(time, name, _named_clock(name, getattr(time, name)))
    for name, arguments in _CALENDAR.items():
        yield Replacement(time, name, _calendar(name, getattr(time, name), arguments))
    yield Replacement(time, "sleep", _sleep)
    yield Replacement(select, "select", _select)
    yield Replacement(datetime, "datetime", _DateTime)
    yield Replacement(datetime, "date", _Date)


def _reading(function: Callable[[], float], reading: Callable[[VirtualClock], float]) -> Any:
    def through_the_door() -> float:
        agent = acting.agent
        return function() if agent is None else reading(agent.clock)

    return through_the_door


def _named_clock(name: str, function: Callable[[int], float]) -> Any:
    """All clocks that are not the calendar's are the monotonic one."""
    in_seconds = name == "clock_gettime"

    def through_the_door(clk_id: int, /) -> float:
        agent = acting.agent
        if agent is None:
            return function(clk_id)
        is_calendar = clk_id == time.CLOCK_REALTIME
        nanoseconds = agent.clock.time_ns() if is_calendar else agent.clock.monotonic_ns()
        return nanoseconds / 1e9 if in_seconds else nanoseconds

    return through_the_door


def _calendar(name: str, function: Callable[..., Any], arguments: int) -> Any:
    """What tells the present moment if it is given none."""

    def through_the_door(*args: Any) -> Any:
        agent = acting.agent
        is_given = len(args) > arguments and args[arguments] is not None
        if agent is None or is_given or len(args) < arguments:
            return function(*args)
        now = agent.clock.time_ns() / 1e9
        moment = now if name in _TAKES_SECONDS else _real_localtime(now)
        return function(*args[:arguments], moment)

    return through_the_door


def _select(
    read: Any, write: Any, exceptional: Any, timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """With nothing to wait for it is a sleep; with something nobody here knows when that comes."""
    agent = acting.agent
    if agent is None or timeout is None or read or write or exceptional:
        return _real_select(read, write, exceptional, timeout)
    agent.sleep(timeout)
    return [], [], []


def _sleep(seconds: float) -> None:
    agent = acting.agent
    if agent is None:
        _real_sleep(seconds)
    else:
        agent.sleep(seconds)


class _AsTheReal(type):
    """Lets ``isinstance`` hold for the values of the class that this one stands in for."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


class _DateTime(_real_datetime, metaclass=_AsTheReal):
    """``datetime.datetime``, whose now is the agent's."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real_datetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _real_datetime.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _real_datetime.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(_real_date, metaclass=_AsTheReal):
    """``datetime.date``, whose today is the agent's."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real_date(*args, **kwargs)

    @classmethod
    def today(cls) -> Any:
        return _real_date.fromtimestamp(time.time())
