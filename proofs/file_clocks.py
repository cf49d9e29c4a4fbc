"""A file system whose clock ticks slowly, for the code that runs meanwhile: times are rounded down.

Everything else is real: the files, the changes and their order. Many file systems are like that:
ext3 and HFS+ tick once a second, FAT every two, Linux before 6.13 every 4 ms on all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

_KEPT = ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size")


@contextmanager
def ticking_every(tick_ns: int) -> Iterator[None]:
    """All file times are multiples of ``tick_ns``, rounded down as a coarse clock does."""

    def coarse(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def looked(*args: Any, **kwargs: Any) -> os.stat_result:
            return _rounded(look(*args, **kwargs), tick_ns)

        return looked

    with (
        patch.object(os, "stat", coarse(os.stat)),
        patch.object(os, "lstat", coarse(os.lstat)),
        patch.object(os, "fstat", coarse(os.fstat)),
    ):
        yield


def _rounded(status: os.stat_result, tick_ns: int) -> os.stat_result:
    times: dict[str, float] = {}
    for name in ("st_atime", "st_mtime", "st_ctime"):
        rounded = getattr(status, f"{name}_ns") // tick_ns * tick_ns
        times[f"{name}_ns"], times[name] = rounded, rounded / 1e9
    kept = {name: getattr(status, name) for name in _KEPT}
    return cast(os.stat_result, SimpleNamespace(**kept, **times))
