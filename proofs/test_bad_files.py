"""Whatever lies under a task's name: it is told, it harms no other task, and its bytes are kept."""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.file_trees import differences, file_tree
from proofs.harness.beside import beside
from proofs.harness.misplacing import misplace
from strategies import DAMAGES, corrupted_payloads, pending_tasks
from swarm.errors import CorruptTaskError, DuplicateTaskError, NewerFormatError
from swarm.task import Task
from swarm.task_board import TaskBoard

NOW = 2_000_000_000.0
LONG = 60.0  # seconds; quarantine_after_seconds
BYTES_MAX = 300_000


class Clock:
    """A clock that we own."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(tmp_path: Path, clock: Clock) -> TaskBoard:
    """A board with two sound tasks, the bad one is to be put between them."""
    return opened(tmp_path / "board", clock)


def opened(storage: Path, clock: Clock) -> TaskBoard:
    board = TaskBoard(
        storage,
        clock=clock,
        durability="kill",
        quarantine_after_seconds=LONG,
        task_bytes_max=BYTES_MAX,
    )
    for number in (1, 3):
        board.post(Task(f"t{number}", "CODE_ANALYSIS", "", priority=number, created_at=NOW))
    return board


def bad(board: TaskBoard) -> Path:
    return board.storage_path / "t2.json"


def changed_at(path: Path, moment: float) -> None:
    os.utime(path, (moment, moment), follow_symlinks=False)


def granted(board: TaskBoard) -> list[str]:
    """What agents are granted until there is nothing more; all is given back."""
    tasks = list(iter(lambda: board.claim_next("a1"), None))
    for task in tasks:
        assert board.release(task.task_id, token=task.token)
    return [task.task_id for task in tasks]


def plain(**fields: object) -> bytes:
    task = Task("t2", "CODE_ANALYSIS", "", priority=2, created_at=NOW)
    return json.dumps({**json.loads(task.to_json()), **fields}).encode()


def assert_contained(board: TaskBoard, caplog: pytest.LogCaptureFixture | None = None) -> None:
    """The bad file is told by everything that reads, refused by everything that writes."""
    before = file_tree(board.storage_path)
    with pytest.raises(CorruptTaskError) as caught:
        board.get("t2")
    assert str(bad(board)) in str(caught.value), caught.value
    assert caught.value.reason
    for listing in (board.list_all, board.get_pending, board.get_claimable):
        assert [task.task_id for task in listing()] == ["t1", "t3"], listing
    assert [task.task_id for task in board.get_by_type("CODE_ANALYSIS")] == ["t1", "t3"]
    assert [(error.source, error.reason) for error in board.damaged()] == [
        (str(bad(board)), caught.value.reason)
    ]
    if caplog is not None:
        assert str(bad(board)) in caplog.text
    refusals = {
        "claim": board.claim("t2", "a1"),
        "start": board.start("t2"),
        "renew": board.renew("t2"),
        "complete": board.complete("t2", 1),
        "fail": board.fail("t2", "why"),
        "release": board.release("t2"),
        "cancel": board.cancel("t2"),
        "requeue": board.requeue("t2"),
    }
    assert not any(refusals.values()), refusals
    with pytest.raises(DuplicateTaskError):
        board.post(Task("t2", "CODE_ANALYSIS", ""))
    changed = differences(before, file_tree(board.storage_path))
    assert not changed.pop("t2.json", None), "the bad file was touched"
    assert not [name for name in changed if not name.startswith((".index", ".tmp"))], changed


@given(payload=st.data())
@settings(max_examples=2, deadline=None)
@pytest.mark.parametrize("kind", DAMAGES)
def test_every_kind_of_damage_is_contained_then_quarantined(
    kind: str, payload: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    of = pending_tasks(ids=st.just("t2"))
    found = payload.draw(corrupted_payloads(of=of, kinds=[kind]))
    clock = Clock()
    board = opened(tmp_path_factory.mktemp("damage"), clock)
    bad(board).write_bytes(found.data)
    changed_at(bad(board), NOW)
    assert_contained(board)
    assert granted(board) == ["t1", "t3"]
    assert bad(board).read_bytes() == found.data
    assert_moved_once_left_alone(board, clock, found.data)


def assert_moved_once_left_alone(board: TaskBoard, clock: Clock, data: bytes | None) -> None:
    """Not before it was left alone for long; then with its reason, and the id is free."""
    clock.now = NOW + LONG - 1
    assert granted(board) == ["t1", "t3"]
    assert os.path.lexists(bad(board)) and board.quarantined() == [], "moved too early"
    clock.now = NOW + LONG
    assert granted(board) == ["t1", "t3"]
    assert not os.path.lexists(bad(board)), "it was left alone for long enough"
    [kept] = board.quarantined()
    assert (kept.task_id, kept.moved_at) == ("t2", NOW + LONG) and kept.reason
    if data is not None:
        assert kept.path.read_bytes() == data
    assert board.damaged() == [] and board.get("t2") is None
    board.post(Task("t2", "CODE_ANALYSIS", "", priority=2))
    assert granted(board) == ["t1", "t2", "t3"]


# What is no regular file.


def around(board: TaskBoard) -> dict[str, object]:
    """What lies beside the board."""
    found = file_tree(board.storage_path.parent)
    return {key: value for key, value in found.items() if not key.startswith("board")}


KINDS: dict[str, str] = {
    "a directory": "a directory",
    "a FIFO": "a FIFO",
    "a socket": "a socket",
    "a link to nowhere": "a symbolic link",
    "a link to itself": "a symbolic link",
    "a link to another task": "a symbolic link",
    "a link out of the board": "a symbolic link",
}


@pytest.mark.parametrize(("kind", "name"), KINDS.items())
def test_what_is_no_file_is_never_followed_and_moved_as_it_is(
    board: TaskBoard, clock: Clock, caplog: pytest.LogCaptureFixture, kind: str, name: str
) -> None:
    bad(board).write_bytes(plain())
    misplace(kind, bad(board), beside(board.storage_path))
    changed_at(bad(board), NOW)
    outside = around(board)
    before = file_tree(board.storage_path)["t2.json"]
    caplog.set_level(logging.WARNING, "swarm.task_board")
    assert_contained(board, caplog)
    assert name in board.damaged()[0].reason
    assert_moved_once_left_alone(board, clock, None)
    [kept] = board.quarantined()
    assert file_tree(kept.path.parent)["t2.json"] == before
    if kind == "a directory":
        assert (kept.path / "inside").read_bytes() == plain()
    assert around(board) == outside, "what the link points to was touched"


def test_a_file_over_the_limit_is_not_even_read(board: TaskBoard, clock: Clock) -> None:
    with bad(board).open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no space, and nobody could read it in time
    changed_at(bad(board), NOW)
    assert_contained(board)
    assert f"{2**40} bytes" in board.damaged()[0].reason
    assert_moved_once_left_alone(board, clock, None)


def test_a_file_that_may_not_be_read_is_told_and_stays(board: TaskBoard, clock: Clock) -> None:
    bad(board).write_bytes(plain())
    bad(board).chmod(0)
    if os.access(bad(board), os.R_OK):
        pytest.skip("not applicable: this user may read what has no permissions")
    changed_at(bad(board), NOW)
    assert_contained(board)
    clock.now += 10 * LONG
    assert granted(board) == ["t1", "t3"]
    assert bad(board).exists() and board.quarantined() == []


def test_a_file_whose_reading_fails_is_told_and_stays(
    board: TaskBoard, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one without permission, or on a bad sector, does to any user."""
    bad(board).write_bytes(plain())
    changed_at(bad(board), NOW)
    really_open = os.open

    def opens(path: str | Path, *arguments: int, **options: int) -> int:
        if os.fspath(path) == str(bad(board)):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", opens)
    assert_contained(board)
    clock.now += 10 * LONG
    assert granted(board) == ["t1", "t3"]
    assert bad(board).exists() and board.quarantined() == []
    monkeypatch.undo()
    assert board.claim("t2", "a1"), "by its id it is seen at once"


@pytest.mark.parametrize("version", [2, 10**6])
def test_a_file_of_a_newer_format_is_refused_with_words_and_never_moved(
    board: TaskBoard, clock: Clock, version: int
) -> None:
    data = plain(format_version=version, status="SOMETHING NEW", token="of another kind")
    bad(board).write_bytes(data)
    changed_at(bad(board), NOW)
    assert_contained(board)
    with pytest.raises(NewerFormatError, match=rf"format_version is {version}.*Update swarm"):
        board.get("t2")
    clock.now += 1000 * LONG
    assert granted(board) == ["t1", "t3"]
    assert bad(board).read_bytes() == data and board.quarantined() == []


def test_a_file_whose_name_is_not_unicode_is_contained(
    board: TaskBoard, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = os.fsencode(board.storage_path) + b"/\xff\n.json"
    with open(path, "wb") as file:
        file.write(b"{}")
    os.utime(path, (NOW, NOW))
    assert [task.task_id for task in board.list_all()] == ["t1", "t3"]
    assert all(message.isprintable() for message in caplog.messages) and caplog.messages
    assert len(board.damaged()) == 1
    assert granted(board) == ["t1", "t3"]
    clock.now += LONG
    assert granted(board) == ["t1", "t3"]
    [kept] = board.quarantined()
    assert kept.path.read_bytes() == b"{}" and not os.path.exists(path)


# When a bad file is moved.


def test_nothing_but_a_look_for_work_moves_a_bad_file(board: TaskBoard, clock: Clock) -> None:
    bad(board).write_bytes(b"{")
    changed_at(bad(board), NOW)
    clock.now += 10 * LONG
    assert_contained(board)
    assert bad(board).exists() and board.quarantined() == []
    assert granted(board) == ["t1", "t3"]
    assert not bad(board).exists()


def test_a_file_that_is_being_written_is_not_moved_however_long_it_takes(
    board: TaskBoard, clock: Clock
) -> None:
    data = plain(priority=0)
    for length in range(0, len(data), 40):
        bad(board).write_bytes(data[:length])
        changed_at(bad(board), clock.now)
        clock.now += LONG - 1
        assert granted(board) == ["t1", "t3"]
    bad(board).write_bytes(data)
    assert sorted(granted(board)) == ["t1", "t2", "t3"], "whole, it is a task like any"
    assert board.quarantined() == []


@pytest.mark.parametrize("change", ["bytes", "times"])
def test_a_file_that_changes_between_two_looks_is_not_moved(
    board: TaskBoard, clock: Clock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    bad(board).write_bytes(b"{1")
    changed_at(bad(board), NOW)
    clock.now += LONG
    take = board._quarantine.take
    looks: list[bool] = []

    def take_late(path: Path, *arguments: object) -> bool:
        """Somebody else goes on writing, after the first look at the file."""
        if change == "bytes":
            Path(path).write_bytes(b"{2")
            changed_at(Path(path), NOW)
        else:
            Path(path).touch()
        looks.append(take(path, *arguments))  # type: ignore[arg-type]
        return looks[-1]

    monkeypatch.setattr(board._quarantine, "take", take_late)
    assert granted(board) == ["t1", "t3"]
    assert looks and not any(looks) and bad(board).exists() and board.quarantined() == []


def test_a_quarantined_file_is_put_back_by_a_move(board: TaskBoard, clock: Clock) -> None:
    for number, text in enumerate([b"", b"{", b"[]"]):
        bad(board).write_bytes(text)
        changed_at(bad(board), clock.now)
        clock.now += LONG
        assert granted(board) == ["t1", "t3"]
        assert [kept.path.read_bytes() for kept in board.quarantined()] == [b"", b"{", b"[]"][
            : number + 1
        ]
    kept = board.quarantined()[1]
    kept.path.write_bytes(plain())
    os.rename(kept.path, bad(board))
    assert granted(board) == ["t1", "t2", "t3"]
    assert [kept.path.read_bytes() for kept in board.quarantined()] == [b"", b"[]"]


def test_a_file_mended_in_place_is_a_task_at_once(board: TaskBoard) -> None:
    bad(board).write_bytes(plain()[:-5])
    assert granted(board) == ["t1", "t3"]
    bad(board).write_bytes(plain())
    assert board.damaged() == [] and board.get("t2") is not None
    assert board.claim("t2", "a1") and board.complete("t2", 1)


def test_a_sound_task_damaged_in_place_is_granted_to_nobody(board: TaskBoard, clock: Clock) -> None:
    """The index knows it as ready; the file says otherwise when it is its turn."""
    board.post(Task("t2", "CODE_ANALYSIS", "", priority=2))
    data = bad(board).read_bytes()
    bad(board).write_bytes(data[:-4])
    changed_at(bad(board), NOW)
    assert granted(board) == ["t1", "t3"]
    assert_moved_once_left_alone(board, clock, data[:-4])


def test_an_id_quarantined_and_posted_again_has_larger_tokens(
    board: TaskBoard, clock: Clock
) -> None:
    tokens = []
    for _ in range(3):
        board.post(Task("t2", "CODE_ANALYSIS", "", priority=0))
        task = board.claim_next("a1")
        assert task is not None and task.task_id == "t2"
        tokens.append(task.token)
        bad(board).write_bytes(b"{")
        changed_at(bad(board), clock.now)
        clock.now += LONG
        assert granted(board) == ["t1", "t3"]
    assert tokens == sorted(set(tokens)), tokens
    assert len(board.quarantined()) == 3


def test_a_board_whose_clock_is_behind_moves_nothing_that_is_being_written(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path, clock=lambda: time.time() - 120)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    (tmp_path / "half.json").write_text('{"task_id": "ha')
    assert board.claim_next("a1")
    assert board.claim_next("a1") is None
    assert board.quarantined() == []


def test_a_file_that_could_not_be_read_once_is_granted_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that failed, or another user's permissions, say nothing about the task."""
    board = TaskBoard(tmp_path)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    (tmp_path / ".index" / "pages").unlink()
    really_read = os.read

    def fails(descriptor: int, size: int) -> bytes:
        raise OSError(errno.EIO, "planted")

    monkeypatch.setattr(os, "read", fails)
    calls: list[Callable[[], object]] = [
        *(lambda: board.claim_next("a1"), lambda: board.claim("t0", "a1")),
        *(lambda: board.complete("t0", 1), lambda: board.get("t0"), board.prune),
        *(board.list_all, board.get_pending, board.get_claimable),
        lambda: board.get_by_type("CODE_ANALYSIS"),
    ]
    for call in calls:
        with pytest.raises(OSError, match=r"Input/output error.*t0\.json"):
            call()
    assert [error.source for error in board.damaged()] == [str(tmp_path / "t0.json")]
    monkeypatch.setattr(os, "read", really_read)
    assert board.claim_next("a1") is not None


def test_a_file_that_the_disk_does_not_give_keeps_nobody_from_the_others(
    board: TaskBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But that there is no work is not said: there may be a task in it, for whomever."""
    bad(board).write_bytes(plain(task_type="OTHER"))
    really_open = os.open

    def opens(path: str | Path, *arguments: int, **options: int) -> int:
        if os.fspath(path) == str(bad(board)):
            raise OSError(errno.EIO, os.strerror(errno.EIO), os.fspath(path))
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", opens)
    for expected in ("t1", "t3"):
        task = board.claim_next("a1")
        assert task is not None and task.task_id == expected
    for _ in range(2):
        with pytest.raises(OSError, match=r"Input/output error.*t2\.json"):
            board.claim_next("a1", ["CODE_ANALYSIS"])
    monkeypatch.undo()
    assert board.claim_next("a1", ["CODE_ANALYSIS"]) is None
    task = board.claim_next("a1")
    assert task is not None and task.task_id == "t2"


def test_a_damaged_file_that_cannot_be_moved_stops_nobody(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path)
    board.post(Task("t0", "CODE_ANALYSIS", ""))
    (tmp_path / "bad.json").write_text("{")
    os.utime(tmp_path / "bad.json", (0, 0))
    (tmp_path / ".quarantine").write_text("a file where the directory should be")
    assert board.claim_next("a1") is not None
    assert board.claim_next("a1") is None
    assert (tmp_path / "bad.json").read_text() == "{"
