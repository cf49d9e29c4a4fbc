"""Errors that the system really makes: full disks, full tables, limits, other users' files.

The injected ones are tried at every effect; these show that real ones are alike. A process of its
own works on the board, comes to the limit, tells what it was told, and works on once it is lifted.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from proofs.interpreters import Interpreter
from proofs.tmpfs import tmpfs
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

WORKER = """
import json, os, resource, sys, tempfile
from swarm.task import Task
from swarm.task_board import TaskBoard

storage, limit, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
LIMITS = {"size": resource.RLIMIT_FSIZE, "files": resource.RLIMIT_NOFILE}

def descriptors():
    return sorted(os.listdir("/dev/fd"))

def told(call):
    try:
        answer = call()
    except OSError as error:
        return ["raised", error.errno]
    except Exception as error:
        return ["raised", type(error).__name__]
    if isinstance(answer, list):
        return ["ok", sorted(getattr(task, "task_id", str(task)) for task in answer)]
    return ["ok", getattr(answer, "task_id", answer)]

def work(board, own, new):
    return {
        "post": told(lambda: board.post(Task(new, "CODE_ANALYSIS", ""))),
        "complete": told(lambda: board.complete(own, {"by": "worker"})),
        "claim_next": told(lambda: board.claim_next("worker")),
        "get": told(lambda: board.get("t5")),
        "list_all": told(board.list_all),
        "get_pending": told(board.get_pending),
        "damaged": told(lambda: [error.source for error in board.damaged()]),
    }

with tempfile.TemporaryDirectory() as scratch:  # another user may be unable to import anything
    work(TaskBoard(scratch), "t0", "t5")
if limit == "user":
    os.setgroups([])
    os.setgid(number)
    os.setuid(number)
board = TaskBoard(storage)
for name in ("t0", "t1"):
    assert board.claim(name, "worker")
print("open", flush=True)
sys.stdin.readline()
kind = LIMITS.get(limit)
if kind is not None:
    soft, hard = resource.getrlimit(kind)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(kind, (number + (free if limit == "files" else 0), hard))
before = None if limit == "files" else descriptors()
limited = work(board, "t0", "n0")
if kind is not None:
    resource.setrlimit(kind, (soft, hard))
if before is None:
    before = [str(number) for number in range(free)] + [str(free)]  # that of the listing itself
limited["leak"] = descriptors() != before
print(json.dumps(limited), flush=True)
sys.stdin.readline()
print(json.dumps(work(board, "t1", "n1")), flush=True)
"""

IDS = [f"t{number}" for number in range(6)]
NOBODY = 65534

Told = dict[str, Any]


def filled(storage: Path) -> None:
    """Six tasks to work on; everything that a board makes once is there."""
    board = TaskBoard(storage)
    for number, task_id in enumerate(IDS):
        board.post(Task(task_id, "CODE_ANALYSIS", "", created_at=float(number)))
    first = board.claim_next("first")
    assert first is not None and board.release(first.task_id)


def limited(
    storage: Path,
    limit: str,
    number: int,
    come: Callable[[], object] = lambda: None,
    lift: Callable[[], object] = lambda: None,
) -> tuple[Told, Told]:
    """What a worker was told at its limit, which was judged, and after it was lifted."""
    with Interpreter(WORKER, storage, limit, str(number)) as worker:
        worker.expect("open")
        come()
        worker.say("go")
        told = json.loads(worker.line())
        assert not told.pop("leak"), "R1: a descriptor was left open"
        assert os.listdir(storage / ".tmp") == [], "R1: a temporary file was left"
        judge(storage, told)
        lift()
        worker.say("go on")
        return told, json.loads(worker.line())


def judge(storage: Path, told: Told) -> None:
    """Another agent sees what the worker was told, and can go on."""
    tasks = {task.task_id: task for task in TaskBoard(storage, read_only=True).list_all()}
    assert set(IDS) <= set(tasks), "S7: a task was lost"
    if told["post"][0] == "ok":
        assert "n0" in tasks, "S7: an acknowledged task was lost"
    done = tasks["t0"].status is TaskStatus.COMPLETED
    assert done or told["complete"] != ["ok", True], "S6: an acknowledged result was lost"
    assert not (done and told["complete"] == ["ok", False]), "S10: it was refused, and done"
    held = {i for i, task in tasks.items() if task.claimed_by == "worker"} - {"t0", "t1"}
    assert told["claim_next"] != ["ok", None], "S13: there was work"
    if told["claim_next"][0] == "ok":
        assert held == {told["claim_next"][1]}, "S6: a claim was lost"
    listed = told["list_all"]
    assert listed[0] == "raised" or set(IDS) <= set(listed[1]), "S16: a task was left out"
    pending = told["get_pending"]
    assert pending[0] == "raised" or {"t3", "t4", "t5"} <= set(pending[1]), "S16: left out"


def numbers_of(told: Told) -> set[int]:
    """Which errors there were."""
    return {answer[1] for answer in told.values() if answer[0] == "raised"}


def assert_all_works(told: Told) -> None:
    assert [name for name, answer in told.items() if answer[0] != "ok"] == [], told
    assert told["complete"] == ["ok", True] and told["claim_next"][1] in IDS, told


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    filled(tmp_path / "board")
    return tmp_path / "board"


def fill_up(disk: Path, lacking: str) -> None:
    """Until there is no space, or no name more."""
    if lacking == "size":
        with (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    for number in itertools.count():
        (disk / f"filler{number}").touch()


@pytest.mark.parametrize("lacking", ["size", "nr_inodes"])
def test_a_full_disk_takes_nothing_away_and_space_makes_it_work_again(
    tmp_path: Path, lacking: str
) -> None:
    with tmpfs(tmp_path / "disk", "size=512k", "nr_inodes=200") as disk:
        filled(disk / "board")

        def fill() -> None:
            with pytest.raises(OSError, match="No space"):
                fill_up(disk, lacking)

        def empty() -> None:
            for path in disk.glob("filler*"):
                path.unlink()

        told, after = limited(disk / "board", "none", 0, fill, empty)
        assert numbers_of(told) == {errno.ENOSPC}, told
        assert {name for name, answer in told.items() if answer[0] == "raised"} == {
            *("post", "complete", "claim_next")
        }
        assert_all_works(after)


@pytest.mark.parametrize("size", [0, 39, 100, 200])
def test_a_limit_of_the_size_of_files_takes_nothing_away(storage: Path, size: int) -> None:
    """What crosses it is a short write first, and an error then."""
    told, after = limited(storage, "size", size)
    assert numbers_of(told) == {errno.EFBIG}, told
    assert_all_works(after)


@pytest.mark.parametrize("free", range(3))
def test_a_full_table_of_descriptors_makes_no_task_invisible(storage: Path, free: int) -> None:
    told, after = limited(storage, "files", free)
    assert numbers_of(told) == {errno.EMFILE}, told
    assert_all_works(after)


# Other users' files.


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users can come to; skips the test where there is none."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can become another user")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for parent in Path(folder).parents:
            if not parent.stat().st_mode & 0o001:
                pytest.skip(f"not applicable: other users cannot come to {parent}")
        yield Path(folder)


def give_to(user: int, storage: Path) -> None:
    for path in (storage, *storage.rglob("*")):
        os.chown(path, user, user)


def test_a_directory_without_permission_is_told_and_works_with_it(reachable: Path) -> None:
    storage = reachable / "board"
    filled(storage)
    give_to(NOBODY, storage)

    def forbid() -> None:
        for path in (storage, storage / ".tmp"):
            path.chmod(0o555)

    def permit() -> None:
        for path in (storage, storage / ".tmp"):
            path.chmod(0o755)

    told, after = limited(storage, "user", NOBODY, forbid, permit)
    assert numbers_of(told) == {errno.EACCES}, told
    assert_all_works(after)


def test_a_directory_that_may_not_be_entered_is_no_empty_board(reachable: Path) -> None:
    storage = reachable / "board"
    filled(storage)
    give_to(NOBODY, storage)

    def forbid() -> None:
        os.chown(storage, 0, 0)
        storage.chmod(0o700)

    told, after = limited(
        storage, "user", NOBODY, forbid, lambda: os.chown(storage, NOBODY, NOBODY)
    )
    assert {answer[0] for answer in told.values()} == {"raised"}, told
    assert numbers_of(told) == {errno.EACCES}, told
    assert_all_works(after)


def test_a_file_of_another_user_is_told_and_stops_nobody(reachable: Path) -> None:
    """It is skipped by listings and passed over by looks for work, as a damaged one is."""
    storage = reachable / "board"
    filled(storage)
    give_to(NOBODY, storage)
    hidden = storage / "t2.json"

    def hide() -> None:
        os.chown(hidden, 0, 0)
        hidden.chmod(0o600)

    told, after = limited_beside(storage, hide)
    assert numbers_of(told) == set(), told
    assert told["claim_next"] == ["ok", "t3"], "the next one is granted"
    assert "t2" not in told["list_all"][1] and told["damaged"][1] == [str(hidden)]
    assert "t2" in after["list_all"][1] and after["damaged"] == ["ok", []]
    assert after["claim_next"] == ["ok", "t2"], "once it can be read it is granted"


def limited_beside(storage: Path, come: Callable[[], object]) -> tuple[Told, Told]:
    """As ``limited``, where one task may be left out."""
    with Interpreter(WORKER, storage, "user", str(NOBODY)) as worker:
        worker.expect("open")
        come()
        worker.say("go")
        told = json.loads(worker.line())
        assert not told.pop("leak"), "R1: a descriptor was left open"
        os.chown(storage / "t2.json", NOBODY, NOBODY)
        worker.say("go on")
        return told, json.loads(worker.line())
