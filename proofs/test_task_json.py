"""A task's file: what can be written is exactly what can be read, and nothing else is a task."""

from __future__ import annotations

import inspect
import json
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from strategies import (
    DAMAGES,
    CorruptedPayload,
    corrupted_payloads,
    json_values,
    live_timestamps,
    nested,
    stale_timestamps,
    tasks,
)
from swarm.errors import (
    CorruptTaskError,
    InvalidTaskError,
    NewerFormatError,
)
from swarm.strict_json import NESTING_MAX
from swarm.task import Task, TaskStatus, TaskType
from swarm.task_board import TaskBoard
from swarm.token_store import LEAP_MAX

PLAIN = Task("t0", TaskType.CODE_ANALYSIS, "look", created_at=0)
TEN_FIELDS = {
    "task_id": "t0",
    "task_type": "CODE_ANALYSIS",
    "description": "look",
    "status": "PENDING",
    "priority": 5,
    "created_at": 1.5,
    "claimed_by": None,
    "claimed_at": None,
    "result": None,
    "payload": {"path": "a.py"},
}
FRAMES = 900  # how deep a caller may stand when it asks


@given(tasks())
def test_every_task_comes_back_as_it_was_written(task: Task) -> None:
    text = task.to_json()
    again = Task.from_json(text)
    assert again == task
    assert again.to_json() == text, "a second round trip must change nothing"
    assert Task.from_json(text.encode("utf-8")) == task


@given(tasks())
def test_a_task_is_one_line_of_ascii_with_the_ten_fields_first(task: Task) -> None:
    text = task.to_json()
    assert text.isascii() and "\n" not in text
    assert list(json.loads(text))[:10] == list(TEN_FIELDS)


def test_a_file_of_exactly_ten_fields_loads_with_defaults_for_the_rest() -> None:
    task = Task.from_json(json.dumps(TEN_FIELDS))
    assert (task.token, task.attempts, task.lease_seconds, task.unknown_fields) == (0, 0, None, {})
    assert task.payload == {"path": "a.py"} and task.status is TaskStatus.PENDING


def test_unknown_fields_and_types_are_kept() -> None:
    fields = {**TEN_FIELDS, "task_type": "ESCALATION", "owner": {"team": [1, None]}}
    written = json.loads(Task.from_json(json.dumps(fields)).to_json())
    assert {name: written[name] for name in fields} == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_a_task_or_raise_the_one_error(data: bytes) -> None:
    _assert_task_or_corrupt(data)


@given(tasks(), st.data())
def test_mutated_bytes_of_a_task_are_a_task_or_raise_the_one_error(
    task: Task, data: st.DataObject
) -> None:
    encoded = task.to_json().encode("utf-8")
    start = data.draw(st.integers(0, len(encoded)), label="from byte")
    end = data.draw(st.integers(start, len(encoded)), label="to byte")
    between = data.draw(st.binary(max_size=8), label="replaced by")
    _assert_task_or_corrupt(encoded[:start] + between + encoded[end:])


@given(st.sampled_from(list(TEN_FIELDS)), json_values())
def test_a_field_of_any_value_is_a_task_or_raises_the_one_error(name: str, value: object) -> None:
    _assert_task_or_corrupt(json.dumps({**TEN_FIELDS, name: value}).encode("utf-8"))


def _assert_task_or_corrupt(data: bytes) -> None:
    try:
        task = Task.from_json(data, source="the file")
    except CorruptTaskError as error:
        assert error.source == "the file" and error.reason, repr(error)
    else:
        assert Task.from_json(task.to_json()) == task


@given(corrupted_payloads())
def test_no_corrupted_payload_is_taken_for_its_task(payload: CorruptedPayload) -> None:
    verdict = _verdict(payload.data)
    assert verdict.startswith("corrupt: ") or verdict != repr(payload.task_id), payload


@pytest.mark.parametrize("kind", DAMAGES)
def test_each_kind_of_damage_raises_the_one_error(kind: str) -> None:
    @settings(max_examples=10, database=None)
    @given(corrupted_payloads(st.just(PLAIN), kinds=[kind]))
    def check(payload: CorruptedPayload) -> None:
        verdict = _verdict(payload.data)
        assert verdict.startswith("corrupt: ") or verdict != "'t0'", payload
        assert len(verdict) < 500, "the reason must not repeat what it found at length"

    check()


@given(corrupted_payloads())
@example(CorruptedPayload("the limit", PLAIN.to_json().encode(), "t0"))
def test_the_verdict_on_bytes_is_the_same_however_deep_the_caller_stands(
    payload: CorruptedPayload,
) -> None:
    here = _verdict(payload.data)
    there = _at_depth(FRAMES, lambda: _verdict(payload.data))
    assert there == here, payload


def test_too_little_stack_is_no_verdict_on_a_task() -> None:
    """A caller near the recursion limit sees the truth or RecursionError, never another answer."""
    task = Task("t0", TaskType.CODE_ANALYSIS, "deep", payload={"deep": nested(NESTING_MAX - 2)})
    text = task.to_json()
    answers = [
        _with_headroom(frames, ask)
        for frames in range(20, 500, 5)
        for ask in (task.to_json, lambda: Task.from_json(text).to_json())
    ]
    assert set(answers) - {"RecursionError"} == {text}, set(answers) - {text}


def _verdict(data: bytes) -> str:
    """The id of the task that the bytes hold, or what is wrong with them."""
    try:
        return repr(Task.from_json(data).task_id)
    except CorruptTaskError as error:
        return f"corrupt: {error.reason}"


def _at_depth(frames: int, ask: Callable[[], str]) -> str:
    """What ``ask`` answers from under so many frames, with as much stack left as there is here."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + frames)
    try:
        return _under(frames, ask)
    finally:
        sys.setrecursionlimit(limit)


def _under(frames: int, ask: Callable[[], str]) -> str:
    return ask() if frames == 0 else _under(frames - 1, ask)


def _with_headroom(frames: int, ask: Callable[[], str]) -> str:
    """What ``ask`` answers, or raises, with so little stack left."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + frames)
    try:
        return ask()
    except RecursionError:
        return "RecursionError"
    except (CorruptTaskError, InvalidTaskError) as error:
        return str(error)
    finally:
        sys.setrecursionlimit(limit)


# The same on the board, under the name of the task.


@given(tasks())
def test_the_board_reads_every_task_from_its_file(task: Task) -> None:
    assume(task.token <= LEAP_MAX)  # beyond, it is not this board's; see test_tokens.py
    with tempfile.TemporaryDirectory() as directory:
        board = TaskBoard(directory, durability="kill")
        (board.storage_path / f"{task.task_id}.json").write_text(task.to_json(), encoding="utf-8")
        assert board.get(task.task_id) == task
        assert board.list_all() == [task]


@given(corrupted_payloads())
def test_the_board_grants_no_damage_and_keeps_it_as_it_is(payload: CorruptedPayload) -> None:
    with tempfile.TemporaryDirectory() as directory:
        board = TaskBoard(directory, durability="kill")
        path = board.storage_path / f"{payload.task_id}.json"
        path.write_bytes(payload.data)
        with pytest.raises(CorruptTaskError) as caught:
            board.get(payload.task_id)
        assert caught.value.source == str(path)
        assert board.list_all() == []
        assert not board.claim(payload.task_id, "a0")
        assert board.claim_next("a0") is None
        assert path.read_bytes() == payload.data


# What cannot be read must not be written either.

NESTED_AT_LIMIT = {
    "payload": {"deep": nested(NESTING_MAX - 2)},  # the task is one level, its payload the next
    "result": nested(NESTING_MAX - 1),
    "unknown_fields": {"deep": nested(NESTING_MAX - 1)},
}
NOT_JSON: dict[str, tuple[str, Any]] = {
    "NaN": ("payload", {"a": float("nan")}),
    "infinity": ("result", [float("inf")]),
    "a NaN time": ("created_at", float("nan")),
    "an infinite time": ("created_at", float("inf")),
    "a set": ("payload", {"a": {1}}),
    "bytes": ("result", b"x"),
    "an object": ("result", object()),
    "a key that is an int": ("payload", {1: "a"}),
    "a key that is None": ("payload", {None: "a"}),
    "a key that is a tuple": ("payload", {(1,): "a"}),
    "an int key beside its string": ("payload", {1: "a", "1": "a"}),
    "a payload that is a list": ("payload", []),
    "a payload that is None": ("payload", None),
    "310 digits": ("result", 10**309),
    "310 digits as a time": ("created_at", 10**309),
    "5,000 digits": ("result", 10**4999),
    "a lone surrogate in a payload": ("payload", {"a": "\ud800"}),
    "a lone surrogate in a key": ("payload", {"\udfff": 1}),
    "a lone surrogate in the description": ("description", "\ud800"),
    "a surrogate pair in a payload": ("payload", {"a": "\ud83d\ude00"}),
    "a surrogate pair in the description": ("description", "\ud83d\ude00"),
    "a surrogate pair in the id": ("task_id", "\ud83d\ude00"),
    "a surrogate pair in the type": ("task_type", "\ud83d\ude00"),
    "one level too deep a payload": ("payload", {"deep": nested(NESTING_MAX - 1)}),
    "one level too deep a result": ("result", nested(NESTING_MAX)),
    "one level too deep an unknown field": ("unknown_fields", {"deep": nested(NESTING_MAX)}),
    "100,000 levels": ("result", nested(100_000)),
    "an unknown field by a known name": ("unknown_fields", {"status": "PENDING"}),
    "a priority that is a bool": ("priority", True),
    "a priority that is a float": ("priority", 5.0),
    "a priority of 65 bits": ("priority", 2**63),
    "a lease of no time": ("lease_seconds", 0),
    "a negative token": ("token", -1),
    "an empty id": ("task_id", ""),
    "an unknown status": ("status", "DONE"),
    "a description that is None": ("description", None),
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_what_cannot_be_read_back_cannot_be_written(case: str) -> None:
    name, value = NOT_JSON[case]
    fields = {"task_id": "t0", "task_type": "T", "description": ""} | {name: value}
    with pytest.raises(InvalidTaskError) as caught:
        Task(**fields).to_json()
    assert len(str(caught.value)) < 500, "the message must stay readable"


def test_a_value_that_holds_itself_cannot_be_written() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidTaskError):
        Task("t0", "T", "", result=circle).to_json()


@pytest.mark.parametrize("name", NESTED_AT_LIMIT)
def test_nesting_of_one_hundred_is_written_and_read(name: str) -> None:
    task = Task("t0", "T", "", **{name: NESTED_AT_LIMIT[name]})  # type: ignore[arg-type]
    assert Task.from_json(task.to_json()) == task


@pytest.mark.parametrize(
    "value", [10**308, -(10**308), 1.7976931348623157e308, 5e-324, -0.0, "\0", "\U0001f600"]
)
def test_the_extreme_values_are_written_and_read(value: object) -> None:
    task = Task("t0", "T", "", created_at=0, payload={"a": value}, result=[value])
    again = Task.from_json(task.to_json())
    assert repr(again) == repr(task)


def test_tuples_are_written_as_lists() -> None:
    task = Task.from_json(Task("t0", "T", "", result=(1, (2,))).to_json())
    assert task.result == [1, [2]]


@pytest.mark.parametrize("version", [2, 2**70])
def test_a_later_format_is_refused_under_its_own_error(version: int) -> None:
    text = json.dumps({**TEN_FIELDS, "format_version": version, "status": "PARKED"})
    with pytest.raises(NewerFormatError, match=str(version)):
        Task.from_json(text)


# Leases, as the file tells them.


@given(st.data())
def test_a_claim_is_stale_exactly_where_its_lease_has_run_out(data: st.DataObject) -> None:
    now = data.draw(st.one_of(st.just(1_800_000_000.0), st.floats(-1e12, 1e12)), label="now")
    lease = data.draw(st.one_of(st.just(3600.0), st.floats(1e-3, 1e9)), label="lease")
    status = data.draw(st.sampled_from([TaskStatus.CLAIMED, TaskStatus.IN_PROGRESS]))
    stale = data.draw(st.booleans(), label="stale")
    times = stale_timestamps(now, lease) if stale else live_timestamps(now, lease)
    claimed_at = data.draw(times, label="claimed_at")
    task = Task("t0", "T", "", status, claimed_by="a0", claimed_at=claimed_at, lease_seconds=lease)
    assert task.is_stale(now) is stale


@given(st.data())
def test_a_claim_whose_file_names_no_lease_has_an_hour(data: st.DataObject) -> None:
    now, hour = 1_800_000_000.0, 3600.0
    stale = data.draw(st.booleans(), label="stale")
    times = stale_timestamps(now, hour) if stale else live_timestamps(now, hour)
    claimed_at = data.draw(times, label="claimed_at")
    task = Task("t0", "T", "", TaskStatus.CLAIMED, claimed_by="a0", claimed_at=claimed_at)
    assert task.is_stale(now) is stale
