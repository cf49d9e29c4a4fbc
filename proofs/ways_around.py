"""A board that goes around the doors, in the way that is named as the task that it is asked for.

What it takes early stands in a container, where no door looks for it.
"""

from __future__ import annotations

import _thread
import ctypes
import datetime
import fcntl
import io
import mmap
import os
import random
import select
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task

EARLY: dict[str, Any] = {
    name: getattr(module, name)
    for module, names in (
        (os, "open read write writev stat listdir unlink replace system kill"),
        (io, "FileIO"),
        (fcntl, "flock"),
        (time, "clock_gettime gmtime sleep monotonic"),
        (datetime, "datetime"),
        (_thread, "allocate_lock start_new_thread"),
        (random, "random"),
        (select, "select"),
    )
    for name in names.split()
}
EARLY["builtin open"] = open
EARLY["process lock"] = import_module("_multiprocessing").SemLock(
    1, 1, 1, f"/ways-{os.getpid()}", True
)
LIBC = ctypes.CDLL(None)
LIBC_RENAME = LIBC.rename
SHARED: dict[str, int] = {}

Way = Callable[[str], object]


class Around(LockAndScan):
    """Correct but for ``get``, which looks for no task but takes a way around the doors."""

    def get(self, task_id: str) -> Task | None:
        """Take the way of this name."""
        WAYS[task_id](self.path)
        return None


def opened(path: str) -> int:
    """A descriptor of the file of t1 that the doors know."""
    return os.open(f"{path}/t1.json", os.O_RDWR)


def a_write(path: str) -> None:
    descriptor = opened(path)
    EARLY["write"](descriptor, b" ")
    os.close(descriptor)


def a_read(path: str) -> None:
    descriptor = opened(path)
    EARLY["read"](descriptor, 1)
    os.close(descriptor)


def a_lock(path: str) -> None:
    descriptor = opened(path)
    EARLY["flock"](descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def a_raw_file(path: str) -> None:
    descriptor = opened(path)
    EARLY["FileIO"](descriptor, "r", closefd=False).readall()
    os.close(descriptor)


def a_file(path: str) -> None:
    with EARLY["builtin open"](f"{path}/t1.json") as file:
        file.read()


def a_vector(path: str) -> None:
    descriptor = opened(path)
    EARLY["writev"](descriptor, [b" "])
    os.close(descriptor)


def a_library(path: str) -> None:
    LIBC_RENAME(f"{path}/t1.json".encode(), f"{path}/t9.json".encode())


def a_function_of_a_library(path: str) -> None:
    LIBC.unlink.argtypes = [ctypes.c_char_p]


def a_database(path: str) -> None:
    connection = sqlite3.connect(f"{path}/tasks.db", isolation_level=None)
    connection.execute("create table if not exists tasks (id)")
    connection.close()


def a_mapping(path: str) -> None:
    descriptor = opened(path)
    with mmap.mmap(descriptor, 0) as memory:
        memory[0:1] = b"{"
    os.close(descriptor)


def a_child(path: str) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def a_lock_taken(path: str) -> None:
    lock = EARLY["allocate_lock"]()
    lock.acquire()
    lock.acquire(blocking=False)


def a_descriptor_of_others(path: str) -> None:
    if path not in SHARED:
        SHARED.clear()
        SHARED[path] = opened(path)
    else:
        os.fstat(SHARED.pop(path))


def a_link(path: str) -> None:
    link = f"{path}.link"
    if not os.path.islink(link):
        os.symlink(path, link)
    os.stat(f"{link}/t1.json")
    os.unlink(link)


def a_profiler(path: str) -> None:
    sys.setprofile(None)


def a_socket(path: str) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x")


def a_look_in_a_thread(path: str) -> None:
    thread = threading.Thread(target=lambda: EARLY["stat"](f"{path}/t1.json"))
    thread.start()
    thread.join()


def a_look_in_a_child(path: str) -> None:
    child = os.fork()
    if child == 0:
        EARLY["stat"](f"{path}/t1.json")
        os._exit(0)
    os.waitpid(child, 0)


WAYS: dict[str, Way] = {
    "early write": a_write,
    "early read": a_read,
    "early lock": a_lock,
    "early raw file": a_raw_file,
    "early open": a_file,
    "early vector": a_vector,
    "early stat": lambda path: EARLY["stat"](f"{path}/t1.json"),
    "early listing": EARLY["listdir"],
    "early unlink": lambda path: EARLY["unlink"](f"{path}/t1.json"),
    "early replace": lambda path: EARLY["replace"](f"{path}/t1.json", f"{path}/t8.json"),
    "early descriptor": lambda path: os.close(EARLY["open"](f"{path}/t1.json", os.O_RDONLY)),
    "library": a_library,
    "library function": a_function_of_a_library,
    "database": a_database,
    "mapping": a_mapping,
    "child": a_child,
    "shell": lambda path: EARLY["system"]("true"),
    "signal": lambda path: EARLY["kill"](os.getpid(), 0),
    "real clock": lambda path: EARLY["clock_gettime"](time.CLOCK_REALTIME),
    "real calendar": lambda path: EARLY["gmtime"](),
    "real date": lambda path: EARLY["datetime"].now(),
    "real sleep": lambda path: EARLY["sleep"](0),
    "real chance": lambda path: EARLY["random"](),
    "wait": lambda path: EARLY["select"]([], [], [], 0),
    "taken lock": a_lock_taken,
    "process lock": lambda path: EARLY["process lock"].acquire(False),
    "bare thread": lambda path: EARLY["start_new_thread"](int, ()),
    "descriptor of others": a_descriptor_of_others,
    "link": a_link,
    "profiler": a_profiler,
    "socket": a_socket,
    "in a thread": a_look_in_a_thread,
    "in a child": a_look_in_a_child,
}
