"""What the doors show of an agent is all that it did to files, as Python's profiler saw it."""

from __future__ import annotations

import datetime
import fcntl
import io
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from proofs.harness.clock import SharedTime
from proofs.harness.doors.files import exists, touch, touch_directories
from proofs.harness.doors.streams import RawFile
from proofs.harness.interception import interception
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from strategies.scenarios import START
from swarm.task import Task
from swarm.task_board import TaskBoard

KINDS = {
    "rename": "replace",
    "remove": "unlink",
    "pread": "read",
    "pwrite": "write",
    "readinto": "read",
    "readall": "read",
    "lstat": "stat",
    "fstat": "stat",
    "fdatasync": "fsync",
}
SEEN = {*KINDS.values(), "open", "write", "close", "link", "mkdir", "listdir", "scandir"}
SEEN |= {"flock", "lockf", "truncate"}
# What the doors themselves look at and set is none of the agent's doing.
OWN = {exists.__code__, touch.__code__, touch_directories.__code__}
# A FileIO opens its file in C without any call that a profiler is told of.
OPENS_IN_C = RawFile.__init__.__code__


class CCalls:
    """Counts the C functions for files that one thread calls, by the kind of effect."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "call" and frame.f_code is OPENS_IN_C:
            self.counts["open"] += 1
        if event != "c_call" or frame.f_code in OWN:
            return
        owner = getattr(function, "__self__", None)
        from_files = getattr(function, "__module__", None) in ("posix", "fcntl")
        if not from_files and not isinstance(owner, io.FileIO):
            return
        name = KINDS.get(function.__name__, function.__name__)
        if name in SEEN:
            self.counts[name] += 1


def watched(root: Path, act: Callable[[], None]) -> tuple[Counter[str], Counter[str]]:
    """What an agent that does this was seen to do, by the profiler and by the doors."""
    calls = CCalls()

    def program() -> None:
        sys.setprofile(calls)
        try:
            act()
        finally:
            sys.setprofile(None)

    gate = ThreadGate(root, Switches({}), SharedTime(int(START * 1e9)))
    gate.run({"a1": program})
    kinds = Counter(step.effect.kind for step in gate.trace)
    return calls.counts, Counter({kind: kinds[kind] for kind in SEEN if kinds[kind]})


def test_every_file_call_of_a_claim_is_an_effect_and_every_effect_a_call(
    doors: None, tmp_path: Path
) -> None:
    board = TaskBoard(tmp_path)
    for number in range(3):
        board.post(Task(f"t{number}", "CODE_ANALYSIS", ""))

    def claim() -> None:
        assert board.claim_next("a1") is not None

    by_profiler, by_doors = watched(tmp_path, claim)
    assert by_doors == by_profiler
    assert by_doors["replace"] >= 1 and by_doors["flock"] == 1, by_doors


def test_every_file_call_of_a_board_that_uses_open_is_an_effect(
    doors: None, tmp_path: Path
) -> None:
    def lock_write_and_read() -> None:
        with open(tmp_path / "lock", "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            (tmp_path / "new").write_text("x" * 20_000)
            os.replace(tmp_path / "new", tmp_path / "file")
            assert len((tmp_path / "file").read_bytes()) == 20_000
            with os.scandir(tmp_path) as entries:
                assert [entry.name for entry in entries] == ["file", "lock"]

    by_profiler, by_doors = watched(tmp_path, lock_write_and_read)
    by_doors["scandir"] = by_doors.pop("listdir")  # one kind of effect, two functions
    assert by_doors == by_profiler


# In a container, where the doors do not look for names that stand for a function of ``os``.
BEFORE: dict[str, Any] = {
    "os.unlink": os.unlink,
    "os.open": os.open,
    "os.replace": os.replace,
    "io.open": io.open,
    "threading.Lock": threading.Lock,
    "fcntl.flock": fcntl.flock,
    "time.time": time.time,
    "datetime": datetime.datetime,
}


def test_an_act_that_takes_no_door_is_missed_and_the_profiler_tells(
    doors: None, tmp_path: Path
) -> None:
    """The comparison is seen to fail: a function of ``os`` kept from before the doors opened."""
    (tmp_path / "file").write_text("")
    by_profiler, by_doors = watched(tmp_path, lambda: BEFORE["os.unlink"](tmp_path / "file"))
    assert by_profiler["unlink"] == 1
    assert by_doors["unlink"] == 0


def test_nothing_stays_replaced_after_the_doors_are_closed() -> None:
    def now() -> list[object]:
        functions = [os.unlink, os.open, os.replace, io.open, threading.Lock, fcntl.flock]
        return [*functions, time.time, datetime.datetime]

    with interception():
        assert all(a is not b for a, b in zip(now(), BEFORE.values(), strict=True))
    assert all(a is b for a, b in zip(now(), BEFORE.values(), strict=True))


def told(clock: Callable[[], float] = time.time, *, named: Callable[[], float] = time.time) -> Any:
    return clock(), named()


@dataclass
class Stamped:
    at: float = field(default_factory=time.time)


def test_the_time_of_defaults_and_default_factories_is_the_agent_s(
    doors: None, tmp_path: Path
) -> None:
    seen: list[float] = []

    def program() -> None:
        seen.extend([*told(), Stamped().at, Task("t", "T", "").created_at])
        board = TaskBoard(tmp_path)
        board.post(Task("t0", "CODE_ANALYSIS", ""))
        task = board.claim_next("a1")
        assert task is not None and task.claimed_at is not None
        seen.append(task.claimed_at)

    ThreadGate(tmp_path, Switches({}), SharedTime(int(START * 1e9))).run({"a1": program})
    assert all(moment == pytest.approx(START, abs=1) for moment in seen), seen
    assert abs(told()[0] - time.time()) < 1, "others see the real time"
