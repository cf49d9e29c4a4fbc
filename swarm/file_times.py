"""What the times of a file say about whether somebody changed it, and when they say too little.

A file system stamps changes by a clock that may tick as slowly as once in 4 ms (Linux before 6.13)
or in one or two seconds (older formats). Within one tick a second change leaves no trace. git calls
an entry of its index "racily clean" when it was stamped in the tick in which it was looked at, and
looks at it again; so does this module.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from swarm.own_places import check_directory, is_own, open_own

_TICK_NS_MIN = 900_000  # coarse clocks tick once in 1 ms or more
_LOOKS_MAX = 3


def stamp_of(status: os.stat_result) -> str:
    """All that changes when a file or directory does; ctime cannot be set back by anybody."""
    return f"{status.st_ino:x}.{status.st_mtime_ns:x}.{status.st_ctime_ns:x}.{status.st_size:x}"


UNSETTLED = "~"
"""Ends a stamp that a later change may share; no stamp of a settled file equals it."""


@dataclass(frozen=True, slots=True)
class FileClock:
    """The clock by which one file system stamps changes."""

    probe: Path
    fine: bool

    @staticmethod
    def of(probe: Path) -> FileClock:
        """Find out by writing to ``probe``, a file that is made and kept for this.

        Fine is a clock that told five writes in a row apart, each pair by less than a coarse tick.
        Writes that were told apart by more, as by an agent that had to wait for its turn, say
        nothing yet.
        """
        check_directory(probe.parent)
        descriptor = open_own(probe, os.O_WRONLY)
        try:
            os.ftruncate(descriptor, 0)
            for _ in range(_LOOKS_MAX):
                gaps = _gaps(descriptor)
                if min(gaps) <= 0 or max(gaps) < _TICK_NS_MIN:
                    break
        finally:
            os.close(descriptor)
        return FileClock(probe, all(0 < gap < _TICK_NS_MIN for gap in gaps))

    def now_ns(self) -> int:
        """The time by which a change would be stamped now."""
        check_directory(self.probe.parent)
        if not is_own(os.lstat(self.probe)):
            os.close(open_own(self.probe, os.O_WRONLY))
        os.utime(self.probe)
        return os.lstat(self.probe).st_mtime_ns

    def settled_stamp(self, status: os.stat_result, now_ns: int | None = None) -> str:
        """The stamp, marked ``UNSETTLED`` while another change could still bear the same one.

        ``now_ns`` saves a reading where one taken after ``status`` is at hand.
        """
        stamp = stamp_of(status)
        if self.fine:
            return stamp
        now_ns = self.now_ns() if now_ns is None else now_ns
        changed_ns = max(status.st_ctime_ns, status.st_mtime_ns)
        return stamp if changed_ns < now_ns else stamp + UNSETTLED


def _gaps(descriptor: int) -> list[int]:
    """How far apart writes in a row are stamped, in nanoseconds."""
    times = []
    for _ in range(5):
        os.write(descriptor, b".")
        times.append(os.fstat(descriptor).st_mtime_ns)
    # Linux from 6.13 on stamps finely whatever follows a look: the first write follows none.
    return [later - earlier for earlier, later in pairwise(times[1:])]
