"""Bad callers get an error that names the rule and the value, and nothing is written."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofs.file_trees import differences, file_tree
from swarm import errors
from swarm.errors import (
    CorruptTaskError,
    DuplicateTaskError,
    InvalidTaskError,
    LeaseLostError,
    LockTimeoutError,
    NewerFormatError,
    ReadOnlyBoardError,
    StillCorruptError,
    StorageMissingError,
    SwarmError,
    TokensUsedUpError,
    UnsafeStorageError,
    UnsupportedPlatformError,
    shown,
)
from swarm.swarm_agent import SwarmAgent
from swarm.task import TOKEN_MAX, Task, TaskStatus
from swarm.task_board import TaskBoard

BYTES_MAX = 10_000


@pytest.fixture
def board(tmp_path: Path) -> TaskBoard:
    """A board with t0 claimed by a0, and t1 pending."""
    board = TaskBoard(tmp_path / "board", durability="kill", task_bytes_max=BYTES_MAX)
    board.post(task("t0", priority=1))
    board.post(task("t1"))
    granted = board.claim_next("a0")
    assert granted is not None and granted.task_id == "t0"
    return board


def task(task_id: Any = "new", **fields: Any) -> Task:
    return Task(task_id, fields.pop("task_type", "CODE_ANALYSIS"), **{"description": ""} | fields)


@contextmanager
def nothing_written(board: TaskBoard) -> Iterator[None]:
    """What is done meanwhile changes no file; and afterwards the board can be used as ever."""
    before = file_tree(board.storage_path)
    yield
    changed = differences(before, file_tree(board.storage_path))
    assert not changed, f"a bad call wrote: {changed}"
    board.post(task("posted afterwards", priority=0))
    granted = board.claim_next("a1")
    assert granted is not None and granted.task_id == "posted afterwards", granted
    assert board.complete("t0", "done"), "t0 was a0's to complete"


def refused(call: Callable[[], object], rule: str, value: object) -> InvalidTaskError:
    """The error of a call, which must say this rule and this value."""
    with pytest.raises(InvalidTaskError) as caught:
        call()
    error = caught.value
    assert isinstance(error, ValueError)
    assert rule in error.rule, f"{error} says nothing of {rule!r}"
    assert error.got == shown(value), f"{error} shows {error.got}, not {shown(value)}"
    assert str(error) == f"{error.name} must {error.rule}, got {error.got}"
    assert len(str(error)) < 500, "an error is read by people"
    return error


# Task ids.

IDS: dict[str, tuple[Any, str]] = {
    "empty": ("", "be a non-empty string"),
    "one dot": (".", "not start with a dot"),
    "two dots": ("..", "not start with a dot"),
    "hidden": (".t", "not start with a dot"),
    "the lock": (".board.lock", "not start with a dot"),
    "absolute": ("/etc/passwd", "without NUL and /"),
    "upwards": ("a/../../b", "without NUL and /"),
    "ends with a separator": ("t/", "without NUL and /"),
    "NUL": ("t\0", "without NUL"),
    "one byte too long": ("t" * 251, "take at most 250 bytes"),
    "too long in UTF-8 only": ("é" * 126, "take at most 250 bytes"),
    "far too long": ("t" * 100_000, "take at most 250 bytes"),
    "surrogate": ("t\ud800", "surrogate"),
    "undecoded byte": ("t\udcff", "surrogate"),
    "bytes": (b"t0", "be a non-empty string"),
    "number": (0, "be a non-empty string"),
    "None": (None, "be a non-empty string"),
    "path": (Path("t0"), "be a non-empty string"),
}

CALLS_BY_ID: dict[str, Callable[[TaskBoard, Any], object]] = {
    "post": lambda board, task_id: board.post(task(task_id)),
    "get": lambda board, task_id: board.get(task_id),
    "claim": lambda board, task_id: board.claim(task_id, "a1"),
    "start": lambda board, task_id: board.start(task_id),
    "renew": lambda board, task_id: board.renew(task_id),
    "complete": lambda board, task_id: board.complete(task_id, 1),
    "fail": lambda board, task_id: board.fail(task_id, "why"),
    "release": lambda board, task_id: board.release(task_id),
    "cancel": lambda board, task_id: board.cancel(task_id),
    "requeue": lambda board, task_id: board.requeue(task_id),
}


@pytest.mark.parametrize(("task_id", "rule"), IDS.values(), ids=IDS)
def test_what_cannot_name_a_visible_file_is_no_task_id(
    board: TaskBoard, task_id: Any, rule: str
) -> None:
    with nothing_written(board):
        for name, call in CALLS_BY_ID.items():
            error = refused(lambda call=call: call(board, task_id), rule, task_id)  # type: ignore[misc]
            assert error.name == "task_id", f"{name} says {error}"
    assert os.listdir(board.storage_path.parent) == ["board"], "written outside of the board"


@pytest.mark.parametrize(
    "task_id",
    ["t" * 250, "é" * 125, " ", "a b", "t\n", "t.json", "-rf", "~", "\\", "t\x7f\x01", "🂡", "CON"],
)
def test_every_other_id_is_one(board: TaskBoard, task_id: str) -> None:
    board.post(task(task_id, priority=0))
    granted = board.claim_next("a1")
    assert granted is not None and granted.task_id == task_id
    assert (board.storage_path / f"{task_id}.json").is_file()
    assert board.complete(task_id, 1)
    assert task_id in [each.task_id for each in board.list_all()]


@pytest.mark.parametrize("status", TaskStatus)
def test_posting_an_id_that_exists_never_overwrites_it(board: TaskBoard, status: str) -> None:
    path = board.storage_path / "t0.json"
    known = board.get("t0")
    assert known is not None
    known.status = TaskStatus(status)
    path.write_text(known.to_json())
    before = file_tree(board.storage_path)
    with pytest.raises(DuplicateTaskError) as caught:
        board.post(task("t0", payload={"other": True}))
    assert (caught.value.task_id, caught.value.path) == ("t0", path)
    assert "'t0'" in str(caught.value) and str(path) in str(caught.value)
    assert not differences(before, file_tree(board.storage_path)), "the file must stay as it was"
    assert board.get("t0") == known


# What is posted and completed.

NOT_JSON: dict[str, tuple[object, str]] = {
    "NaN": (math.nan, "JSON"),
    "infinite": (-math.inf, "JSON"),
    "bytes": (b"x", "JSON"),
    "set": ({1}, "JSON"),
    "object": (object(), "JSON"),
    "type": (Task, "JSON"),
    "complex": (1j, "JSON"),
    "surrogate": ("\ud800", "half of a surrogate pair"),
    "undecoded byte as a key": ({"\udcff": 1}, "half of a surrogate pair"),
    "integer too large": (10**309, "not finite as a double"),
    "thousands of digits": (10**5000, "JSON"),
    "number as a key": ({1: "a"}, "come back from JSON as it was"),
    "two keys that are one": ({1: "a", "1": "b"}, "twice"),
    "key of no kind": ({(1, 2): 3}, "JSON"),
}


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


NOT_JSON |= {
    "99 deep": (deep(99), "nested"),
    "100,000 deep": (deep(100_000), "nested"),
    "circular": (circular(), "JSON"),
}


@pytest.mark.parametrize(("value", "rule"), NOT_JSON.values(), ids=NOT_JSON)
def test_a_payload_that_is_not_json_is_not_posted(
    board: TaskBoard, value: object, rule: str
) -> None:
    with nothing_written(board), pytest.raises(InvalidTaskError) as caught:
        board.post(task("new", payload={"value": value}))
    assert rule in str(caught.value), caught.value
    assert "'new'" in str(caught.value) or caught.value.name == "payload", caught.value
    assert board.get("new") is None


@pytest.mark.parametrize(("value", "rule"), NOT_JSON.values(), ids=NOT_JSON)
def test_a_result_that_is_not_json_completes_nothing(
    board: TaskBoard, value: object, rule: str
) -> None:
    with nothing_written(board), pytest.raises(InvalidTaskError) as caught:
        board.complete("t0", {"value": value} if rule.startswith("nested") else value)
    assert rule in str(caught.value), caught.value
    assert "'t0'" in str(caught.value) or caught.value.name == "result", caught.value


@pytest.mark.parametrize("error", [None, 1, b"x", "\ud800", ["why"]], ids=repr)
def test_an_error_that_is_no_text_fails_nothing(board: TaskBoard, error: Any) -> None:
    """Any JSON value will do, and the rest is refused."""
    if error in (None, 1, ["why"]):
        assert board.fail("t0", error)
        return
    with nothing_written(board), pytest.raises(InvalidTaskError, match=r"JSON|surrogate"):
        board.fail("t0", error)


def test_a_task_larger_than_the_limit_is_neither_posted_nor_completed(board: TaskBoard) -> None:
    with nothing_written(board):
        with pytest.raises(InvalidTaskError, match=f"take at most {BYTES_MAX} bytes, got 1"):
            board.post(task("new", payload={"large": "x" * BYTES_MAX}))
        with pytest.raises(InvalidTaskError, match=f"take at most {BYTES_MAX} bytes, got 1"):
            board.complete("t0", "x" * BYTES_MAX)


def test_a_task_of_exactly_the_limit_can_be_posted_claimed_read_and_released(
    tmp_path: Path,
) -> None:
    largest = task("t0", payload={"large": ""}, created_at=1000.25)
    largest.payload["large"] = "x" * (BYTES_MAX - len(largest.to_json()) - 1)
    board = TaskBoard(tmp_path, task_bytes_max=BYTES_MAX, durability="kill")
    board.post(largest)
    assert (tmp_path / "t0.json").stat().st_size == BYTES_MAX
    granted = board.claim_next("a" * 1000)
    assert granted is not None
    assert board.get("t0") == granted and board.damaged() == []
    assert board.start("t0") and board.renew("t0") and board.release("t0")
    larger = task("t1", payload={"large": largest.payload["large"] + "x"}, created_at=1000.25)
    with pytest.raises(InvalidTaskError, match=f"got {BYTES_MAX + 1} bytes"):
        board.post(larger)


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "priority over 64 bits": ({"priority": 2**63}, "priority must be a 64-bit integer"),
    "priority under 64 bits": ({"priority": -(2**63) - 1}, "priority must be a 64-bit integer"),
    "priority a float": ({"priority": 5.0}, "priority must be a 64-bit integer"),
    "priority a bool": ({"priority": True}, "priority must be a 64-bit integer"),
    "priority a text": ({"priority": "5"}, "priority must be a 64-bit integer"),
    "priority None": ({"priority": None}, "priority must be a 64-bit integer"),
    "created_at NaN": ({"created_at": math.nan}, "JSON"),
    "created_at infinite": ({"created_at": math.inf}, "JSON"),
    "created_at a text": ({"created_at": "now"}, "created_at must be a finite number"),
    "created_at a bool": ({"created_at": True}, "created_at must be a finite number"),
    "created_at None": ({"created_at": None}, "created_at must be a finite number"),
    "created_at too large": ({"created_at": 10**309}, "not finite as a double"),
    "status COMPLETED": ({"status": TaskStatus.COMPLETED}, "must be PENDING, got"),
    "status unknown": ({"status": "DONE"}, "must be PENDING, got 'DONE'"),
    "type empty": ({"task_type": ""}, "task_type must be a non-empty string"),
    "type a number": ({"task_type": 1}, "task_type must be a non-empty string"),
    "type a surrogate": ({"task_type": "\ud800"}, "half of a surrogate pair"),
    "description None": ({"description": None}, "description must be a string"),
    "payload a list": ({"payload": []}, "payload must be an object"),
    "payload None": ({"payload": None}, "payload must be an object"),
    "an unknown field that is known": ({"unknown_fields": {"task_id": "t9"}}, "back from JSON"),
    "an unknown field of a later format": (
        {"unknown_fields": {"format_version": 2}},
        "format_version is 2",
    ),
}


@pytest.mark.parametrize(("fields", "rule"), FIELDS.values(), ids=FIELDS)
def test_a_task_that_breaks_a_rule_is_not_posted(
    board: TaskBoard, fields: dict[str, Any], rule: str
) -> None:
    with nothing_written(board), pytest.raises(InvalidTaskError) as caught:
        board.post(task("new", **fields))
    assert rule in str(caught.value), caught.value


@pytest.mark.parametrize("priority", [-(2**63), 2**63 - 1])
def test_every_64_bit_integer_is_a_priority(board: TaskBoard, priority: int) -> None:
    board.post(task("new", priority=priority))
    granted = board.claim_next("a1")
    assert granted is not None
    assert granted.task_id == ("new" if priority < 0 else "t1")


# Who asks, and with what.


@pytest.mark.parametrize("agent_id", ["", None, 1, b"a0", "a" * 1001], ids=shown)
def test_an_agent_is_named_by_a_short_text(board: TaskBoard, agent_id: Any) -> None:
    rule = "be a string of 1 to 1000 characters"
    with nothing_written(board):
        assert refused(lambda: board.claim("t1", agent_id), rule, agent_id).name == "agent_id"
        assert refused(lambda: board.claim_next(agent_id), rule, agent_id).name == "agent_id"
        agent = SwarmAgent(agent_id, board)
        assert refused(agent.claim_next_task, rule, agent_id).name == "agent_id"


def test_an_agent_id_that_is_not_unicode_is_refused_by_its_name(tmp_path: Path) -> None:
    board = TaskBoard(tmp_path / "board")
    board.post(task("t0"))  # no token was issued yet
    before = file_tree(tmp_path)
    for call in (lambda: board.claim("t0", "a\ud800"), lambda: board.claim_next("a\ud800")):
        assert refused(call, "surrogate", "a\ud800").name == "agent_id"
    assert not differences(before, file_tree(tmp_path))


@pytest.mark.parametrize("capabilities", [[1], ["\ud800"], 5, [None]], ids=ascii)
def test_capabilities_that_are_no_texts_are_refused_by_name(
    board: TaskBoard, capabilities: Any
) -> None:
    with nothing_written(board), pytest.raises(InvalidTaskError) as caught:
        board.claim_next("a1", capabilities)
    assert caught.value.name == "capabilities"


TOKENS: list[Any] = [-1, 1.0, True, "1", TOKEN_MAX + 1, math.nan, [1]]


@pytest.mark.parametrize("token", TOKENS, ids=repr)
def test_a_token_that_was_never_a_token_is_refused_with_words(board: TaskBoard, token: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: board.start("t0", token=token),
        lambda: board.renew("t0", token=token),
        lambda: board.complete("t0", 1, token=token),
        lambda: board.fail("t0", "why", token=token),
        lambda: board.release("t0", token=token),
        lambda: board.cancel("t0", token=token),
    ]
    with nothing_written(board):
        for call in calls:
            assert refused(call, "be an integer, 0 or more", token).name == "token"


DURATIONS: list[Any] = [-1, -0.0, 0, math.nan, math.inf, -math.inf, "60", None, True, [1]]


@pytest.mark.parametrize("value", DURATIONS, ids=repr)
def test_a_duration_that_is_not_positive_is_refused(board: TaskBoard, value: Any) -> None:
    """Where 0 means "at once" it is a duration, too."""
    with nothing_written(board):
        for name in ("lease_seconds", "lock_timeout", "quarantine_after_seconds", "rescan_seconds"):
            options: dict[str, Any] = {name: value}
            error = refused(
                lambda options=options: TaskBoard(board.storage_path, **options),  # type: ignore[misc]
                "be a finite number of seconds",
                value,
            )
            assert error.name == name
        if value != 0:
            for call in (board.prune, board.get_claimable):
                refused(lambda call=call: call(value), "be a finite number of seconds", value)  # type: ignore[misc]


def test_a_duration_beyond_all_doubles_is_refused(board: TaskBoard) -> None:
    for name in ("lease_seconds", "lock_timeout", "quarantine_after_seconds", "rescan_seconds"):
        options: dict[str, Any] = {name: 10**309}
        with pytest.raises(InvalidTaskError, match=name):
            TaskBoard(board.storage_path, **options)


OPTIONS: list[tuple[str, Any]] = [
    ("attempts_max", 0),
    ("attempts_max", -1),
    ("attempts_max", 1.5),
    ("attempts_max", True),
    ("task_bytes_max", 0),
    ("task_bytes_max", "16"),
    ("task_bytes_max", None),
    ("durability", "none"),
    ("durability", None),
    ("durability", True),
]


@pytest.mark.parametrize(("name", "value"), OPTIONS, ids=repr)
def test_an_option_out_of_its_range_opens_no_board(tmp_path: Path, name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    error = refused(lambda: TaskBoard(tmp_path / "new", **options), "be ", value)
    assert error.name == name
    assert not (tmp_path / "new").exists(), "a refused board made its directory"


@pytest.mark.parametrize("moment", [math.nan, math.inf, -math.inf])
def test_a_clock_that_tells_no_time_changes_nothing(board: TaskBoard, moment: float) -> None:
    lost = TaskBoard(board.storage_path, durability="kill", clock=lambda: moment)
    with nothing_written(board):
        for call in (
            lambda: lost.claim("t1", "a1"),
            lambda: lost.claim_next("a1"),
            lambda: lost.renew("t0"),
            lambda: lost.complete("t0", 1),
            lost.prune,
        ):
            refused(call, "tell a finite time", moment)


# The errors themselves.

ERRORS: list[SwarmError] = [
    InvalidTaskError("priority", "be a 64-bit integer", "'high'"),
    DuplicateTaskError("t0", Path("board/t0.json")),
    CorruptTaskError("board/t0.json", "not UTF-8 at byte 0"),
    NewerFormatError("board/t0.json", "format_version is 2"),
    StillCorruptError(".quarantine/000001/t0.json", "not UTF-8 at byte 0"),
    LockTimeoutError(Path("board/.board.lock"), 0.5),
    StorageMissingError(Path("board")),
    TokensUsedUpError(Path("mark")),
    UnsafeStorageError(Path("board/.tmp"), "a symbolic link"),
    ReadOnlyBoardError("post", Path("board")),
    LeaseLostError("t0", "a0", 7),
    UnsupportedPlatformError("no flock"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_crosses_processes_with_its_fields(error: SwarmError) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert vars(again) == vars(error) and str(again) == str(error)
    for name, value in vars(error).items():
        stated = f"{value:g}" if isinstance(value, float) else str(value)
        hidden = type(error) is UnsupportedPlatformError
        assert hidden or stated in str(error), f"{error} does not tell its {name}, {value!r}"


def test_every_error_of_the_board_is_among_those_that_cross_processes() -> None:
    listed = {type(error) for error in ERRORS} | {SwarmError}
    defined = {each for each in vars(errors).values() if isinstance(each, type)}
    assert {each for each in defined if issubclass(each, SwarmError)} == listed
