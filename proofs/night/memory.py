"""How much memory all processes of a night take together, where the system tells it in /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

EVERY_SECONDS: Final = 1.0
_PROC: Final = Path("/proc")


class Peak:
    """The largest sum that was seen, of the leader, what it started, and the workers' sessions.

    Of each process its own peak so far is taken, VmHWM: so nothing is missed between two looks but
    a process that lives for less, and pages that several share are counted for each. It is an upper
    bound, but for processes that began a session of their own. ``kilobytes`` is 0 where /proc tells
    nothing.
    """

    def __init__(self) -> None:
        self.kilobytes = 0
        self.processes = 0
        self._next = 0.0

    def look(self, sessions: Collection[int | None]) -> None:
        """At most once a second; the sessions are those that the workers lead."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        peaks = [peak_of(pid) for pid in _of(os.getpid(), sessions)]
        if sum(peaks) > self.kilobytes:
            self.kilobytes, self.processes = sum(peaks), len(peaks)

    def words(self) -> str | None:
        """In one line, None where nothing was told."""
        if not self.kilobytes:
            return None
        megabytes = 1024 * self.kilobytes / 1e6
        return f"peak memory: {megabytes:,.0f} MB, of {self.processes} processes together"

    def to_json(self) -> dict[str, int] | None:
        """As ``report.json`` holds it."""
        if not self.kilobytes:
            return None
        return {"bytes": 1024 * self.kilobytes, "processes": self.processes}


def peak_of(pid: int) -> int:
    """The most that a process has had so far, in kB; 0 where it is gone or a zombie."""
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    told = [line for line in lines.splitlines() if line.startswith("VmHWM:")]
    return int(told[0].split()[1]) if told else 0


def _of(leader: int, sessions: Collection[int | None]) -> Iterator[int]:
    try:
        names = os.listdir(_PROC)
    except OSError:
        return
    for pid in map(int, filter(str.isdigit, names)):
        try:
            told = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parent, _, session = map(int, told.rpartition(")")[2].split()[1:4])
        if pid == leader or parent == leader or session in sessions:
            yield pid
