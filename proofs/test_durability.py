"""What reaches the disk and in which order, what a failing disk leaves, and what writes nothing.

What is seen are the calls: their order tells what a power loss may take away, and nothing here
cuts the power.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.file_trees import differences, file_tree
from proofs.interpreters import Interpreter
from swarm.errors import ReadOnlyBoardError
from swarm.task import Task
from swarm.task_board import TaskBoard

HOLD_THE_LOCK = """
import sys, time
from swarm.task_board import TaskBoard

def clock():
    print("inside", flush=True)
    sys.stdin.readline()
    return time.time()

print(TaskBoard(sys.argv[1], clock=clock).renew("claimed"), flush=True)
"""

CHANGES: dict[str, Callable[[TaskBoard], object]] = {
    "post": lambda board: board.post(Task("t1", "CODE_ANALYSIS", "")),
    "complete": lambda board: board.complete("claimed", 1),
    "fail": lambda board: board.fail("claimed", "why"),
    "cancel": lambda board: board.cancel("pending"),
    "requeue": lambda board: board.requeue("failed"),
    "claim": lambda board: board.claim("pending", "a1"),
    "claim_next": lambda board: board.claim_next("a1"),
    "start": lambda board: board.start("claimed"),
    "renew": lambda board: board.renew("claimed"),
    "retry": lambda board: board.fail("claimed", "why", retry=True),
    "release": lambda board: board.release("claimed"),
    "prune": lambda board: board.prune(),
}
LASTING = ["post", "complete", "fail", "cancel", "requeue"]
FLEETING = ["claim", "claim_next", "start", "renew", "retry", "release"]


class Disk:
    """Calls that reach the disk, as they are made: ``sync .tmp/next.json``, ``rename a -> b``.

    ``fails`` says for which call an OSError is raised instead.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fails: Callable[[str], bool] = lambda call: False
        self._root = os.path.realpath(root)
        for name in ("rename", "replace", "link"):
            patch.setattr(os, name, self._two_names(name, getattr(os, name)))
        for name in ("unlink", "mkdir"):
            patch.setattr(os, name, self._one_name(name, getattr(os, name)))
        for name in ("fsync", "fdatasync", "write", "pwrite"):
            patch.setattr(os, name, self._descriptor(name, getattr(os, name)))

    def clear(self) -> None:
        self.calls.clear()

    def matching(self, pattern: str) -> list[str]:
        return [call for call in self.calls if re.fullmatch(pattern, call)]

    def at(self, pattern: str) -> int:
        """Which call, counted from 0, is the only one of this pattern."""
        found = [place for place, call in enumerate(self.calls) if re.fullmatch(pattern, call)]
        assert len(found) == 1, f"{pattern!r} must be called once: {self.calls}"
        return found[0]

    def _note(self, call: str) -> None:
        if self.fails(call):
            self.calls.append(f"FAILED {call}")
            raise OSError(errno.EIO, "planted", call)
        self.calls.append(call)

    def _two_names(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(source: Any, target: Any, **options: Any) -> Any:
            self._note(f"{name} {self._name(source)} -> {self._name(target)}")
            return call(source, target, **options)

        return called

    def _one_name(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(path: Any, *arguments: Any, **options: Any) -> Any:
            self._note(f"{name} {self._name(path)}")
            return call(path, *arguments, **options)

        return called

    def _descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(descriptor: int, *arguments: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if path.startswith(self._root):
                self._note(f"{name.replace('fdatasync', 'fsync')} {self._name(path)}")
            return call(descriptor, *arguments)

        return called

    def _name(self, path: Any) -> str:
        return os.path.relpath(os.fspath(path), self._root)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("not applicable: this system does not tell the names of open files")
    (tmp_path / "board").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        yield Disk(tmp_path / "board", patch)


def opened(tmp_path: Path, durability: str = "power") -> TaskBoard:
    """A board with a task in each of four states, whose tokens are at hand."""
    options: dict[str, Any] = {"durability": durability}
    board = TaskBoard(tmp_path / "board", **options)
    for task_id in ("claimed", "failed", "pending", "completed"):
        board.post(Task(task_id, "CODE_ANALYSIS", ""))
    assert board.claim("claimed", "a0")
    assert board.claim("failed", "a0") and board.fail("failed", "why")
    assert board.claim("completed", "a0") and board.complete("completed", 1)
    return board


def subject(operation: str) -> str:
    """The file that the operation changes."""
    return {
        "post": "t1.json",
        "requeue": "failed.json",
        "cancel": "pending.json",
        "claim": "pending.json",
        "claim_next": "pending.json",
    }.get(operation, "claimed.json")


# The order of calls.


@pytest.mark.parametrize("operation", LASTING)
def test_what_must_last_is_synced_before_it_has_its_name_and_its_name_before_the_answer(
    tmp_path: Path, disk: Disk, operation: str
) -> None:
    board = opened(tmp_path)
    disk.clear()
    CHANGES[operation](board)
    data = disk.at(r"fsync \.tmp/next\.json")
    name = disk.at(rf"(rename|link) \.tmp/next\.json -> {subject(operation)}")
    directory = disk.at(r"fsync \.")
    written = max(i for i, call in enumerate(disk.calls) if call == "write .tmp/next.json")
    assert written < data < name < directory, disk.calls


@pytest.mark.parametrize("operation", FLEETING)
def test_the_data_of_every_file_is_synced_before_it_has_its_name(
    tmp_path: Path, disk: Disk, operation: str
) -> None:
    board = opened(tmp_path)
    disk.clear()
    CHANGES[operation](board)
    data = disk.at(r"fsync \.tmp/next\.json")
    name = disk.at(rf"rename \.tmp/next\.json -> {subject(operation)}")
    assert data < name, disk.calls
    assert not disk.matching(r"fsync \."), f"a sync that nobody asked for: {disk.calls}"


def test_used_up_attempts_are_as_lasting_as_a_failure(tmp_path: Path, disk: Disk) -> None:
    now = 1000.0
    board = TaskBoard(tmp_path / "board", attempts_max=1, lease_seconds=1, clock=lambda: now)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    assert board.claim("t0", "a0")
    now += 1
    disk.clear()
    assert board.claim_next("a1") is None
    assert disk.at(r"rename \.tmp/next\.json -> t0\.json") < disk.at(r"fsync \."), disk.calls


def test_the_mark_of_the_tokens_lasts_before_the_first_token_is_granted(
    tmp_path: Path, disk: Disk
) -> None:
    board = TaskBoard(tmp_path / "board")
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    assert board.claim("t0", "a0")
    made = disk.calls.index("mkdir .tokens")
    mark = disk.at(r"rename \.tmp/next\.json -> \.tokens/reserved\.json")
    granted = disk.at(r"rename \.tmp/next\.json -> t0\.json")
    assert "fsync ." in disk.calls[made:granted], disk.calls
    assert mark < disk.at(r"fsync \.tokens") < granted, disk.calls
    assert disk.calls[:mark][-1] == "fsync .tmp/next.json", disk.calls


@pytest.mark.parametrize("operation", CHANGES)
def test_what_must_survive_kills_only_is_not_synced(
    tmp_path: Path, disk: Disk, operation: str
) -> None:
    board = opened(tmp_path, "kill")
    CHANGES[operation](board)
    assert not disk.matching("fsync .*"), disk.calls


def test_the_directories_of_a_new_board_last_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path, monkeypatch)
    TaskBoard(tmp_path / "a" / "b" / "board")
    assert {"fsync .", "fsync a", "fsync a/b"} <= set(disk.calls), disk.calls


def test_a_file_moved_to_the_archive_has_its_new_name_for_good_before_it_loses_the_old(
    tmp_path: Path, disk: Disk
) -> None:
    board = opened(tmp_path)
    assert board.cancel("pending")
    assert board.complete("claimed", 1)
    os.utime(tmp_path / "board" / "claimed.json", (0, 0))
    disk.clear()
    assert "claimed" in board.prune(older_than_seconds=3600)
    assert_moved_safely(disk, ".archive", "claimed.json")


def test_a_file_moved_to_quarantine_has_its_new_name_for_good_before_it_loses_the_old(
    tmp_path: Path, disk: Disk
) -> None:
    board = opened(tmp_path)
    (tmp_path / "board" / "bad.json").write_text("{")
    os.utime(tmp_path / "board" / "bad.json", (0, 0))
    disk.clear()
    assert board.claim_next("a1")
    assert [kept.task_id for kept in board.quarantined()] == ["bad"]
    assert_moved_safely(disk, ".quarantine", "bad.json")


def assert_moved_safely(disk: Disk, folder: str, name: str) -> None:
    """Every directory on the way to the new name is synced after its name was made."""
    new = re.escape(f"{folder}/000001")
    linked = disk.at(rf"link {name} -> {new}/{name}")
    dropped = min(i for i, call in enumerate(disk.calls) if call.startswith(f"rename {name} -> "))
    before = disk.calls[:dropped]
    assert f"fsync {folder}/000001" in before[linked:], disk.calls
    made = disk.at(rf"mkdir {new}")
    assert f"fsync {folder}" in before[made:], f"{new} itself may be lost: {disk.calls}"
    made = disk.at(rf"mkdir {re.escape(folder)}")
    assert "fsync ." in before[made:], f"{folder} itself may be lost: {disk.calls}"


# Calls that fail.

FAILURES = {
    "the data cannot be written": r"write \.tmp/next\.json",
    "the data cannot be synced": r"fsync \.tmp/next\.json",
    "the name cannot be given": r"(rename|link) \.tmp/next\.json -> [a-z0-9]+\.json",
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("operation", [name for name in CHANGES if name != "prune"])
def test_a_failing_disk_leaves_the_old_state_and_no_litter(
    tmp_path: Path, disk: Disk, operation: str, failure: str
) -> None:
    board = opened(tmp_path)
    before = visible(board)
    disk.fails = lambda call: re.fullmatch(FAILURES[failure], call) is not None
    with pytest.raises(OSError, match="planted"):
        CHANGES[operation](board)
    assert not differences(before, visible(board)), f"raised, and yet done: {disk.calls}"
    assert_no_litter(board)
    disk.fails = lambda call: False
    assert CHANGES[operation](board) in (None, True) or operation == "claim_next"
    assert differences(before, visible(board)), "the next call works"


@pytest.mark.parametrize(
    "failing", [r"pwrite \.index/pages\.new", r"rename \.index/pages\.new -> .*"]
)
def test_an_index_that_cannot_be_made_leaves_no_file(
    tmp_path: Path, disk: Disk, failing: str
) -> None:
    board = opened(tmp_path)
    disk.fails = lambda call: re.fullmatch(failing, call) is not None
    board.rebuild_index()
    assert disk.matching(f"FAILED {failing}"), disk.calls
    assert not list(board.storage_path.glob(".index/pages*"))
    assert board.claim_next("a1") is not None


@pytest.mark.parametrize(
    "failing", [r"link failed\.json -> .*", r"fsync \.archive(/\d+)?", r"fsync \."]
)
def test_a_prune_that_fails_leaves_no_empty_directory_and_the_next_one_works(
    tmp_path: Path, disk: Disk, failing: str
) -> None:
    board = opened(tmp_path)
    disk.fails = lambda call: re.fullmatch(failing, call) is not None
    with pytest.raises(OSError, match="planted"):
        board.prune()
    slots = list(board.storage_path.glob(".archive/*"))
    assert all(list(slot.iterdir()) for slot in slots), f"{slots} {disk.calls}"
    disk.fails = lambda call: False
    assert "failed" in board.prune()


@pytest.mark.parametrize("operation", LASTING)
def test_a_directory_that_cannot_be_synced_leaves_no_litter_and_a_whole_state(
    tmp_path: Path, disk: Disk, operation: str
) -> None:
    """Whether it was done nobody knows; the caller is told by the exception."""
    board = opened(tmp_path)
    disk.fails = lambda call: call == "fsync ."
    with pytest.raises(OSError, match="planted"):
        CHANGES[operation](board)
    assert board.damaged() == []
    assert_no_litter(board)
    disk.fails = lambda call: False
    assert board.claim("pending", "a1") or operation == "cancel"


@pytest.mark.parametrize("failing", [r"pwrite \.index/.*", r"(mkdir|rename) .*\.index.*"])
def test_a_disk_that_takes_no_index_costs_time_and_nothing_else(
    tmp_path: Path, disk: Disk, failing: str
) -> None:
    disk.fails = lambda call: re.fullmatch(failing, call) is not None
    board = opened(tmp_path)
    granted = board.claim_next("a1")
    assert granted is not None and granted.task_id == "pending"
    assert board.claim_next("a1") is None
    assert board.complete("pending", 1) and board.release("claimed")
    disk.fails = lambda call: False
    again = board.claim_next("a1")
    assert again is not None and again.task_id == "claimed" and board.claim_next("a1") is None


def visible(board: TaskBoard) -> dict[str, object]:
    """The tasks' own files."""
    tree = file_tree(board.storage_path)
    return {name: what for name, what in tree.items() if not name.startswith(".")}


def assert_no_litter(board: TaskBoard) -> None:
    assert os.listdir(board.storage_path / ".tmp") == [], "a temporary file was left"
    patient = TaskBoard(board.storage_path, lock_timeout=0.05)
    assert patient.renew("completed") is False, "the lock was left"


# Those that write nothing.

READS: dict[str, Callable[[TaskBoard], Any]] = {
    "get": lambda board: board.get("claimed"),
    "get of nothing": lambda board: board.get("nothing"),
    "list_all": lambda board: board.list_all(),
    "get_pending": lambda board: board.get_pending(),
    "get_claimable": lambda board: board.get_claimable(0),
    "get_by_type": lambda board: board.get_by_type("CODE_ANALYSIS"),
    "get_results_by_parent": lambda board: board.get_results_by_parent("p"),
    "damaged": lambda board: board.damaged(),
    "quarantined": lambda board: board.quarantined(),
}


def test_reading_changes_nothing_and_waits_for_no_lock(tmp_path: Path) -> None:
    board = opened(tmp_path)
    (board.storage_path / "bad.json").write_text("{")
    expected = {name: str(read(board)) for name, read in READS.items()}
    with Interpreter(HOLD_THE_LOCK, board.storage_path) as holder:
        holder.expect("inside")
        before = file_tree(board.storage_path)
        answers: dict[str, str] = {}

        def read_all() -> None:
            answers.update((name, str(read(board))) for name, read in READS.items())

        reader = threading.Thread(target=read_all, daemon=True)
        reader.start()
        reader.join(30)
        assert answers == expected, "a reader waits for the lock of the writers"
        assert not differences(before, file_tree(board.storage_path))
        holder.say("go on")
        holder.expect("True")


@pytest.mark.parametrize("operation", CHANGES)
def test_a_read_only_board_refuses_to_write_with_words(tmp_path: Path, operation: str) -> None:
    storage = opened(tmp_path).storage_path
    before = file_tree(tmp_path)
    board = TaskBoard(storage, read_only=True)
    with pytest.raises(ReadOnlyBoardError) as caught:
        CHANGES[operation](board)
    named = "fail" if operation == "retry" else operation
    assert (caught.value.operation, caught.value.path) == (named, storage)
    assert str(caught.value).startswith(f"{named} must be called on a board that may write")
    assert not differences(before, file_tree(tmp_path))


def test_a_read_only_board_reads_all_and_leaves_no_trace(tmp_path: Path) -> None:
    storage = opened(tmp_path).storage_path
    before = file_tree(tmp_path)
    times = os.stat(storage).st_mtime_ns, os.stat(storage).st_ctime_ns
    board = TaskBoard(storage, read_only=True)
    assert {task.task_id for task in board.list_all()} == {
        "claimed",
        "completed",
        "failed",
        "pending",
    }
    for read in READS.values():
        read(board)
    assert not differences(before, file_tree(tmp_path))
    assert (os.stat(storage).st_mtime_ns, os.stat(storage).st_ctime_ns) == times


def test_a_read_only_board_does_not_even_make_its_directory(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path / "nowhere", read_only=True)
    with pytest.raises(FileNotFoundError, match="nowhere must exist"):
        board.list_all()
    assert os.listdir(tmp_path) == []
