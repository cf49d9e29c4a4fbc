"""Tells one run of the machine from the next."""

from __future__ import annotations

import ctypes
import os
from functools import cache


@cache
def boot_id() -> str:
    """The same for all processes since the machine was started, another after a power loss.

    Where the machine does not tell, another one for each process.
    """
    return _of_linux() or _of_macos() or f"process {os.urandom(8).hex()}"


def _of_linux() -> str | None:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def _of_macos() -> str | None:
    value = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(value))
    try:
        read = ctypes.CDLL(None).sysctlbyname
    except (AttributeError, OSError):
        return None
    failed = read(b"kern.bootsessionuuid", value, ctypes.byref(size), None, 0)
    return None if failed else value.value.decode("ascii")
