"""Text for people: on one line, and times that can be read."""

from __future__ import annotations

import re
import time

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


def one_line(text: str) -> str:
    """The text with its line ends as spaces, and nothing in it that a terminal would obey."""
    return name_line(" ".join(text.split("\n")))


def name_line(name: str) -> str:
    """A name on one line, each character of it to be seen: a line end is ``\\n``."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], name)


def cut(text: str, length_max: int) -> str:
    """The text on one line, its end left out where it is too long."""
    line = one_line(text)
    return line if len(line) <= length_max else line[: length_max - 1] + "…"


def span(seconds: float) -> str:
    """A length of time, in the largest unit that it fills twice: ``90 s``, ``5 min``, ``3 d``."""
    seconds = abs(seconds)
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.1f} s"


def relative(moment: float, now: float) -> str:
    """When that was or will be: ``5 min ago``, ``in 3 d``."""
    return f"{span(now - moment)} ago" if moment <= now else f"in {span(moment - now)}"


def clock(moment: float) -> str:
    """Date and time on this machine; the seconds themselves where the calendar does not reach."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (OverflowError, ValueError, OSError):
        return f"{moment:g} s since 1970"


def when(moment: float, now: float) -> str:
    """Both: ``2026-11-24 12:04:05 (5 min ago)``."""
    return f"{clock(moment)} ({relative(moment, now)})"
