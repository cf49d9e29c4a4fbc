"""What passes through a door is seen, and what comes in through one is the scenario's."""

from __future__ import annotations

import fcntl
import os
import random
import secrets
import select
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from os import stat as stat_of
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from proofs.broken_boards.base import LockAndScan
from proofs.harness.clock import SharedTime
from proofs.harness.execution import run
from proofs.harness.processes import ProcessGate
from proofs.harness.scheduler import Switches
from proofs.harness.threads import ThreadGate
from proofs.harness.trace import switches
from proofs.safe_boards import temporary_by_pid
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario

pytestmark = pytest.mark.usefixtures("open_doors")


def trace_of(root: Path, program: Callable[[], Any]) -> list[str]:
    """The effects of one agent that runs alone."""
    gate = ThreadGate(root, Switches({}), SharedTime(int(START * 1e9)))
    gate.run({"a1": program})
    return [step.label() for step in gate.trace]


def test_what_is_written_to_an_open_descriptor_is_seen(tmp_path: Path) -> None:
    def write() -> None:
        descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        with os.fdopen(descriptor, "w") as file:
            file.write("x")

    assert trace_of(tmp_path, write) == [
        "a1: open w create file",
        "a1: write file",
        "a1: close file",
    ]


def test_what_a_module_took_under_a_name_of_its_own_is_a_door_and_leads_to_the_real_thing(
    tmp_path: Path,
) -> None:
    told: list[Any] = []
    assert trace_of(tmp_path, lambda: told.append(stat_of(tmp_path))) == ["a1: stat ."]
    trace_of(tmp_path, lambda: told.append(perf_counter()))
    assert told[0].st_ino == stat_of(tmp_path).st_ino
    assert told[1] == pytest.approx(START, abs=1)
    assert 0 <= perf_counter() < START


def test_a_file_that_leaves_its_descriptor_open_closes_nothing(tmp_path: Path) -> None:
    def write() -> None:
        descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(b"x")
        os.write(descriptor, b"y")
        os.close(descriptor)

    assert [label.split()[1] for label in trace_of(tmp_path, write)] == [
        *("open", "write", "write", "close")
    ]
    assert (tmp_path / "file").read_bytes() == b"xy"


def with_file(root: Path, act: Callable[[int], Any]) -> None:
    """Do something with a descriptor of a file of 4 bytes."""
    descriptor = os.open(root / "file", os.O_RDWR)
    act(descriptor)
    os.close(descriptor)


def with_directory(root: Path, act: Callable[[int], Any]) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    act(descriptor)
    os.close(descriptor)


def copied(root: Path, copy: Callable[[int, int], Any]) -> None:
    source = os.open(root / "file", os.O_RDONLY)
    target = os.open(root / "copy", os.O_WRONLY | os.O_CREAT)
    copy(source, target)
    os.close(source)
    os.close(target)


def shared_by_dup(root: Path) -> None:
    first = os.open(root / "file", os.O_RDWR)
    second, third = os.dup(first), fcntl.fcntl(first, fcntl.F_DUPFD, 50)
    os.close(first)
    os.write(second, b"x")
    os.dup2(second, third)
    os.close(second)
    os.close(third)


def copied_and_closed(descriptor: int) -> None:
    copy = os.dup(descriptor)
    os.closerange(copy, copy + 1)


LOCK = struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0)
NO_LOCK = struct.pack("hhqqi", fcntl.F_UNLCK, 0, 0, 0, 0)


def within(*labels: str) -> list[str]:
    return ["open w file", *labels, "close file"]


def copying(label: str) -> list[str]:
    return ["open r file", "open w create copy", label, "close file", "close copy"]


DEEDS: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "writev": (lambda r: with_file(r, lambda d: os.writev(d, [b"x"])), within("write file")),
    "readv": (lambda r: with_file(r, lambda d: os.readv(d, [bytearray(2)])), within("read file")),
    "preadv": (
        lambda r: with_file(r, lambda d: os.preadv(d, [bytearray(2)], 0)),
        within("read file"),
    ),
    "pwritev": (lambda r: with_file(r, lambda d: os.pwritev(d, [b"x"], 0)), within("write file")),
    "fchmod": (lambda r: with_file(r, lambda d: os.fchmod(d, 0o600)), within("chmod file")),
    "fchown": (lambda r: with_file(r, lambda d: os.fchown(d, -1, -1)), within("chown file")),
    "chown": (lambda r: os.chown(r / "file", -1, -1), ["chown file"]),
    "posix_fallocate": (
        lambda r: with_file(r, lambda d: os.posix_fallocate(d, 0, 9)),
        within("truncate file"),
    ),
    "access": (lambda r: os.access(r / "file", os.R_OK), ["access file"]),
    "statvfs": (lambda r: os.statvfs(str(r)), ["statvfs ."]),
    "mkfifo": (lambda r: os.mkfifo(r / "fifo"), ["mknod fifo"]),
    "mknod": (lambda r: os.mknod(r / "node"), ["mknod node"]),
    "unlink by keyword": (lambda r: os.unlink(path=r / "file"), ["unlink file"]),
    "rename by keyword": (lambda r: os.rename(src=r / "file", dst=r / "b"), ["replace file -> b"]),
    "fsync of a file": (
        lambda r: with_file(r, lambda d: os.fsync(os.fdopen(d, "rb", closefd=False))),
        within("fsync file"),
    ),
    "sendfile": (
        lambda r: copied(r, lambda source, target: os.sendfile(target, source, 0, 4)),
        copying("sendfile file -> copy"),
    ),
    "copy_file_range": (
        lambda r: copied(r, lambda source, target: os.copy_file_range(source, target, 4)),
        copying("copy_file_range file -> copy"),
    ),
    "dup": (
        shared_by_dup,
        within("close file", "write file", "close file", "close file"),
    ),
    "closerange": (
        lambda r: with_file(r, copied_and_closed),
        within("close file"),
    ),
    "scandir of a descriptor": (
        lambda r: with_directory(r, lambda d: [e.stat() for e in os.scandir(d)]),
        ["open r .", "listdir .", "stat file", "close ."],
    ),
    "scandir in bytes": (
        lambda r: [e.is_file() for e in os.scandir(os.fsencode(r))] + os.listdir(os.fsencode(r)),
        ["listdir .", "listdir ."],
    ),
    "link from a descriptor": (
        lambda r: with_directory(r, lambda d: os.link("file", "b", src_dir_fd=d, dst_dir_fd=d)),
        ["open r .", "link file -> b", "close ."],
    ),
    "fcntl": (
        lambda r: with_file(r, lambda d: fcntl.fcntl(d, fcntl.F_SETLKW, LOCK)),
        within("lockf by fcntl file"),
    ),
    "fcntl that lets go": (
        lambda r: with_file(r, lambda d: fcntl.fcntl(d, fcntl.F_SETLK, NO_LOCK)),
        within("lockf unlock file" if sys.platform == "linux" else "lockf by fcntl file"),
    ),
    "lockf": (
        lambda r: with_file(r, lambda d: os.lockf(d, os.F_LOCK, 0)),
        within("lockf exclusive file"),
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_each_of_these_calls_is_seen_as_what_it_does(deed: str, tmp_path: Path) -> None:
    name = deed.partition(" ")[0]
    if not hasattr(os, name) and not hasattr(fcntl, name):
        pytest.skip(f"this system has no {name}")
    (tmp_path / "file").write_text("text")
    act, expected = DEEDS[deed]
    labels = trace_of(tmp_path, lambda: act(tmp_path))
    assert labels == [f"a1: {label}" for label in expected]


def test_a_copy_of_a_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    labels = trace_of(tmp_path, lambda: shutil.copyfile(tmp_path / "file", tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "text"
    assert any("file -> copy" in label or "write copy" in label for label in labels), labels


def test_what_is_made_or_changed_from_a_descriptor_bears_the_agents_time(tmp_path: Path) -> None:
    def make() -> None:
        directory = os.open(tmp_path, os.O_RDONLY)
        os.mkdir("new", dir_fd=directory)
        os.symlink("new", tmp_path / "link")
        os.close(os.open("new/file", os.O_WRONLY | os.O_CREAT, dir_fd=directory))
        os.unlink("new/file", dir_fd=directory)
        for status in (os.stat(tmp_path), os.lstat(tmp_path / "link"), os.stat(tmp_path / "new")):
            times = (*status[7:10], status.st_atime, status.st_mtime, status.st_ctime)
            assert times == pytest.approx([START] * 6, abs=1)
        os.close(directory)

    trace_of(tmp_path, make)


def test_every_clock_and_calendar_is_the_agents(tmp_path: Path) -> None:
    def tell() -> None:
        year, now = time.strftime("%Y", time.gmtime(START)), pytest.approx(START, abs=5)
        assert time.clock_gettime(time.CLOCK_REALTIME) == now
        assert time.clock_gettime(time.CLOCK_MONOTONIC) == pytest.approx(time.monotonic(), abs=5)
        assert time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9 == now
        assert time.gmtime().tm_year == time.localtime().tm_year == int(year)
        assert year in time.ctime() and year in time.asctime() and time.strftime("%Y") == year
        assert time.gmtime(0).tm_year == 1970 and "1970" in time.asctime(time.gmtime(0))
        assert time.strftime("%Y", time.gmtime(0)) == "1970"
        before = time.process_time()
        select.select([], [], [], 60.0)
        assert time.process_time() - before == pytest.approx(60, abs=1)

    assert trace_of(tmp_path, tell) == ["a1: sleep 60 s (waits)"]


def test_a_generator_without_a_seed_is_the_same_in_each_run(tmp_path: Path) -> None:
    drawn = []

    def draw() -> None:
        drawn.append([random.Random().random(), random.Random(1).random(), os.getrandom(4)])

    trace_of(tmp_path, draw)
    trace_of(tmp_path, draw)
    assert drawn[0] == drawn[1]
    assert drawn[0][1] == random.Random(1).random()


def test_a_lock_by_fcntl_that_another_agent_holds_is_waited_for(tmp_path: Path) -> None:
    """By a lock of the open file, which two threads do not share as they do one of a process."""
    order = []

    def hold(name: str) -> None:
        with open(tmp_path / "lock", "w") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLKW, LOCK)
            order.append(name)
            (tmp_path / name).touch()
            order.append(name)

    gate = ThreadGate(tmp_path, Switches({2: "a2", 6: "a2"}), SharedTime(int(START * 1e9)))
    gate.run({"a1": lambda: hold("a1"), "a2": lambda: hold("a2")})
    assert order in (["a1", "a1", "a2", "a2"], ["a2", "a2", "a1", "a1"])
    assert any(step.waits for step in gate.trace)


def test_random_names_and_numbers_are_the_same_in_each_run(tmp_path: Path) -> None:
    names = []

    def draw() -> None:
        descriptor, path = tempfile.mkstemp(dir=tmp_path)
        os.close(descriptor)
        os.unlink(path)
        names.append([path, random.random(), random.randint(0, 2**60), secrets.token_hex()])

    assert trace_of(tmp_path, draw) == trace_of(tmp_path, draw)
    assert names[0] == names[1]


def test_a_name_made_of_the_process_id_is_called_the_same_everywhere(tmp_path: Path) -> None:
    names = [f"x.{os.getpid()}.tmp", f"y{os.getpid()}", f"z{os.getpid()}0"]

    def make() -> None:
        pid = os.getpid()
        for name in (f"x.{pid}.tmp", f"y{pid}", f"z{pid}0"):
            (tmp_path / name).touch()

    labels = trace_of(tmp_path, make)
    assert [label.split()[-1] for label in labels if "open" in label] == [
        *("x.<pid>.tmp", "y<pid>"),
        names[2],
    ]
    assert sorted(os.listdir(tmp_path)) == names


def test_a_board_that_resolves_its_directory_is_seen(tmp_path: Path) -> None:
    """Where that lies behind a link, as temporary directories do on some systems."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    labels = trace_of(tmp_path / "link" / "board", (tmp_path / "real" / "board").mkdir)
    assert labels == ["a1: mkdir ."]


def test_agents_in_processes_name_files_by_the_process_as_in_threads(tmp_path: Path) -> None:
    claim = (Ask("claim_next"),)
    walk = Interleaving(kind="walk", seed=2)
    scenario = Scenario((PostedTask("t1"), PostedTask("t2")), (("a1", claim), ("a2", claim)), walk)
    with ProcessGate("proofs.safe_boards.temporary_by_pid:Board") as gate:
        there = run(scenario, temporary_by_pid.Board, tmp_path / "board", gate)
    assert there == run(scenario, temporary_by_pid.Board, tmp_path / "board")
    assert any(".t1.<pid>.tmp" in step.label() for step in there.trace)


def test_agents_in_processes_draw_as_in_threads(tmp_path: Path) -> None:
    """Under a scheduler that draws too, from numbers of its own."""
    claim = (Ask("claim_next"), Ask("complete"))
    walk = Interleaving(kind="walk", seed=2)
    scenario = Scenario((PostedTask("t1"), PostedTask("t2")), (("a1", claim), ("a2", claim)), walk)
    with ProcessGate("proofs.broken_boards.base:LockAndScan") as gate:
        there = run(scenario, LockAndScan, tmp_path / "board", gate)
    assert there == run(scenario, LockAndScan, tmp_path / "board")
    assert switches(there.trace).keys() - {0}
