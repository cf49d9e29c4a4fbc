"""Threads of which one runs at a time share one core: none then has to wake another core.

To wake a sleeping core takes some 40 µs, and a run of 1,000 µs hands over six to twenty times.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, cast

Cores = frozenset[int]

CALLING: Final = 0
"""The number of the calling thread, to the system."""


def _teller() -> Callable[[], int] | None:
    """What tells the number of the core that a thread runs on, where threads can be kept there."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    # By PyDLL, for no other thread is to go on meanwhile.
    return cast("Callable[[], int] | None", getattr(ctypes.PyDLL(None), "sched_getcpu", None))


_core_now = _teller()


def all_cores() -> Cores:
    """Those that the calling thread may run on; none where the system does not tell."""
    return frozenset() if _core_now is None else frozenset(os.sched_getaffinity(0))


@contextmanager
def on_one_core() -> Iterator[Cores]:
    """The calling thread stays on the core where it is, which is given; none where none can.

    Which one is chosen anew each time, by where the system had the thread go on: several processes
    that do this come to run on different ones.
    """
    everywhere = all_cores()
    here = frozenset() if _core_now is None else everywhere & {_core_now()}
    try:
        yield here if keep(CALLING, here) else frozenset()
    finally:
        keep(CALLING, everywhere)


def keep(thread: int, cores: Cores) -> bool:
    """Let a thread, by the system's number, run on these alone; False if it can not be kept."""
    try:
        if cores:
            os.sched_setaffinity(thread, cores)
    except OSError:
        return False  # a sandbox forbids it, or the core is gone: it takes longer, no more
    return bool(cores)
