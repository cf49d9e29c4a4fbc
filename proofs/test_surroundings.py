"""Where a board may lie, what it leaves behind, and what a killed agent leaves to the next."""

from __future__ import annotations

import os
import shutil
import threading
import warnings
from pathlib import Path

import pytest

from proofs.interpreters import Interpreter
from swarm.errors import NetworkFileSystemWarning, StorageMissingError
from swarm.mount import network_kind
from swarm.swarm_agent import SwarmAgent
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

PATHS = ["plain", "with spaces ", "größer 板 🂡", "a/b/c", "-rf", "new\nline", "%20", "'\"$HOME`"]


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", PATHS, ids=ascii)
def test_a_board_works_wherever_it_lies(tmp_path: Path, name: str, kind: type) -> None:
    board = TaskBoard(kind(tmp_path / name), durability="kill")
    assert board.storage_path == tmp_path / name and isinstance(board.storage_path, Path)
    board.post(Task("tâche 1", "CODE_ANALYSIS", ""))
    task = TaskBoard(tmp_path / name, durability="kill").claim_next("a0")
    assert task is not None and task.task_id == "tâche 1"
    assert board.complete("tâche 1", "done", token=task.token)
    assert (tmp_path / name / "tâche 1.json").is_file()


def test_a_relative_path_is_kept_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    board = TaskBoard("here/board", durability="kill")
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    assert board.storage_path == Path("here/board")
    assert (tmp_path / "here" / "board" / "t0.json").is_file()


def test_storage_that_vanishes_is_named_and_not_made_anew(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path / "board", durability="kill")
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    shutil.rmtree(board.storage_path)
    for call in (
        lambda: board.post(Task("t1", "CODE_ANALYSIS", "")),
        lambda: board.claim("t0", "a0"),
        lambda: board.claim_next("a0"),
        lambda: board.complete("t0", 1),
        board.prune,
        lambda: board.get("t0"),
        board.list_all,
        board.damaged,
    ):
        with pytest.raises(StorageMissingError, match="must exist") as caught:
            call()
        assert caught.value.path == board.storage_path
    assert os.listdir(tmp_path) == []
    board.storage_path.mkdir()
    board.post(Task("t2", "CODE_ANALYSIS", ""))
    task = board.claim_next("a0")
    assert task is not None and task.task_id == "t2", "usable once the directory is there again"


# Network file systems.

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /net rw,relatime shared:2 - nfs4 server:/export rw,vers=4.2
31 30 254:1 / /net/local rw,relatime - xfs /dev/vdb rw
32 22 0:28 / /mnt/with\\040space rw,relatime shared:3 master:1 - cifs //server/share rw
33 22 0:29 / /over rw,relatime - nfs server:/old rw
34 22 0:30 / /over rw,relatime - tmpfs tmpfs rw
35 22 0:31 / /ssh rw,relatime - fuse.sshfs user@host:/ rw
36 22 0:32 / /fuse rw,relatime - fuse.ntfs /dev/vdc rw
"""
ON: dict[str, str | None] = {
    "/": None,
    "/netting": None,
    "/net": "nfs4",
    "/net/board": "nfs4",
    "/net/local/board": None,
    "/mnt/with space/board": "cifs",
    "/over/board": None,
    "/ssh/board": "fuse.sshfs",
    "/fuse/board": None,
}


@pytest.mark.parametrize(("directory", "kind"), ON.items())
def test_the_kind_of_a_network_file_system_is_told(
    tmp_path: Path, directory: str, kind: str | None
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert network_kind(Path(directory), tmp_path / "mountinfo") == kind


def test_where_the_system_tells_no_mounts_nothing_is_said(tmp_path: Path) -> None:
    assert network_kind(tmp_path, tmp_path / "nowhere") is None


def test_a_board_on_a_network_file_system_warns_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarm.storage.network_kind", lambda directory: "nfs4")
    with pytest.warns(NetworkFileSystemWarning, match=r"board.*\(nfs4\).*flock") as caught:
        TaskBoard(tmp_path / "board")
    assert caught[0].filename == __file__, "it names the line that opened the board"
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TaskBoard(tmp_path / "board")


# What is left over.


def test_200_operations_leave_no_descriptor_and_no_thread(tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("not applicable: this system does not tell the open files")
    threads = threading.active_count()
    board = TaskBoard(tmp_path / "board", durability="kill")
    agent = SwarmAgent("a0", board)
    before = sorted(os.listdir("/proc/self/fd"))
    for number in range(40):
        board.post(Task(f"t{number}", "CODE_ANALYSIS", ""))
        assert agent.work_cycle() is not None
        assert not board.claim(f"t{number}", "a0")
        with pytest.raises(ValueError, match="start with a dot"):
            board.get(".")
        board.list_all()
        if number % 10 == 0:
            shutil.rmtree(board.storage_path / ".index")
            assert board.claim_next("a0") is None
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads, threading.enumerate()


# Kills.

WORK_FOR_EVER = """
import sys
from swarm.task import Task
from swarm.task_board import TaskBoard

board = TaskBoard(sys.argv[1])
number = int(sys.argv[2])
while True:
    number += 1
    for call in (
        lambda: board.post(Task(f"t{number:04d}", "CODE_ANALYSIS", "", payload={"x": "y" * 5000})),
        lambda: board.claim_next("killed"),
        lambda: board.start(f"t{number:04d}"),
        lambda: board.complete(f"t{number:04d}", {"whole": "z" * 5000}),
    ):
        call()
        print(number, flush=True)
"""


def test_after_any_number_of_kills_every_file_is_whole_and_the_board_works_on(
    tmp_path: Path,
) -> None:
    """8 agents in turn, each killed at whatever it does after its k-th answer."""
    board = TaskBoard(tmp_path, durability="kill")
    tokens: dict[str, int] = {}
    for turn, lines in enumerate((1, 2, 3, 4, 5, 7, 10, 14)):
        with Interpreter(WORK_FOR_EVER, tmp_path, str(turn * 100)) as agent:
            for _ in range(lines):
                said = agent.line()
            agent.kill()
        assert board.damaged() == [], f"half a file after {lines} answers"
        tasks = {task.task_id: task for task in board.list_all()}
        done = int(said) - (0 if lines % 4 == 0 else 1)
        for number in range(turn * 100 + 1, done + 1):
            task = tasks[f"t{number:04d}"]
            assert task.status is TaskStatus.COMPLETED, f"an answered completion is lost: {task}"
            assert task.result == {"whole": "z" * 5000}
        board.post(Task(f"by the next {turn}", "CODE_ANALYSIS", "", priority=0))
        assert os.listdir(tmp_path / ".tmp") == [], "the next writer clears what was left"
        granted = board.claim_next("next")
        assert granted is not None and granted.task_id == f"by the next {turn}"
        assert granted.token not in tokens.values()
        tokens |= {task.task_id: task.token for task in [*tasks.values(), granted] if task.token}
        assert len(set(tokens.values())) == len(tokens), f"a token was issued twice: {tokens}"
        for task in board.list_all():
            board.cancel(task.task_id)


def test_the_next_writer_clears_what_a_killed_one_was_writing(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path, durability="kill")
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    litter = tmp_path / ".tmp" / "next.json"
    posted = (tmp_path / "t0.json").read_bytes()
    for left in ("half a file", "a second name of a posted task", "a link out of the board"):
        if left == "half a file":
            litter.write_bytes(b'{"half')
        elif left == "a second name of a posted task":
            os.link(tmp_path / "t0.json", litter)
        else:
            litter.symlink_to(tmp_path.parent / "outside")
        board.post(Task(left, "CODE_ANALYSIS", "", priority=9))
        assert os.listdir(tmp_path / ".tmp") == [], left
        assert (tmp_path / "t0.json").read_bytes() == posted, left
        assert not (tmp_path.parent / "outside").exists(), left
    assert board.damaged() == [] and len(board.list_all()) == 4
