"""What the index knows of one file, and the lines that say it, sorted as bytes as tasks are."""

from __future__ import annotations

import hashlib
import os
import re
import struct
from functools import lru_cache
from typing import Final, NamedTuple

_LOW_BYTE = re.compile(rb"[\x00-\x1f]")
_ESCAPE = b"\x1f"
_TYPE_BYTES_MAX = 64
_SIGN = 1 << 63

READY: Final = b"ready"  # pending or stale: to be granted
DUE: Final = b"due"  # to be looked at again at a time: claimed, or damaged
FINAL: Final = b"final"
DAMAGED: Final = b"damaged"


class Entry(NamedTuple):
    """One file as it was last seen. ``key`` sorts it among those of its ``place``.

    A ready one's is ``ready_key``, a due or damaged one's the ``time_key`` of when it is due.
    """

    task_id: str
    stamp: str
    place: bytes
    key: bytes = b""

    def line(self) -> bytes:
        """The line under which it is found by its id."""
        stamp = self.stamp.encode("ascii")
        return b"\t".join((id_key(self.task_id), stamp, self.place, self.key))

    @staticmethod
    def of(line: bytes) -> Entry:
        """What ``line`` says."""
        task_id, stamp, place, key = line.split(b"\t", 3)
        return Entry(id_of(task_id), stamp.decode("ascii"), place, key)

    def ordered_line(self) -> bytes:
        """The line under which it is found in the order of its place."""
        return self.key + b"\t" + id_key(self.task_id)


def id_key(task_id: str) -> bytes:
    """Sorts as ids do, by code points; holds no byte below the escape."""
    return _escaped(os.fsencode(task_id))


def id_of(key: bytes) -> str:
    """The inverse of ``id_key``."""
    raw = re.sub(rb"\x1f(.)", lambda m: bytes([m[1][0] - 0x20]), key) if _ESCAPE in key else key
    return os.fsdecode(raw)


@lru_cache(maxsize=256)
def type_key(task_type: str) -> bytes:
    """One key for each type, of a bounded length."""
    raw = task_type.encode("utf-8")
    if len(raw) > _TYPE_BYTES_MAX:
        return b"#" + hashlib.sha256(raw).hexdigest().encode("ascii")
    return b"=" + _escaped(raw)


def order_key(priority: int, created_at: float) -> bytes:
    """Sorts by priority number, then by age."""
    return b"%016x\t" % (priority + _SIGN) + time_key(created_at)


def time_key(seconds: float) -> bytes:
    """Sorts as the numbers do, negative ones too.

    The bits of an IEEE 754 double sort as the numbers once the sign bit is flipped, and the others
    with it where the number is negative.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(seconds) + 0.0))  # -0.0 becomes 0.0
    return b"%016x" % (bits ^ (2 * _SIGN - 1) if bits & _SIGN else bits | _SIGN)


def _escaped(raw: bytes) -> bytes:
    """Tabs, newlines and their like keep their order among themselves and below all others."""
    return _LOW_BYTE.sub(lambda m: _ESCAPE + bytes([m[0][0] + 0x20]), raw)
