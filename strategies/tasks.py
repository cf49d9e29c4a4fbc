"""Tasks and sets of tasks: everything that a board accepts, the plain ones first."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from strategies.timestamps import lease_durations, times
from strategies.values import json_objects, json_values, texts
from swarm.task import FINAL, HELD, TOKEN_MAX, Task, TaskStatus, TaskType

__all__ = [
    "agent_ids",
    "pending_tasks",
    "priorities",
    "task_ids",
    "task_sets",
    "task_types",
    "tasks",
]

ID_BYTES_MAX: Final = 250
"""With ``.json`` these are the 255 bytes that file systems take for a name."""

_FIELD_NAMES: Final = frozenset(Task.__dataclass_fields__) | {"format_version"}


def task_ids() -> st.SearchStrategy[str]:
    """Every legal id; shrinks to ``t0``.

    Plain ones that collide often; then any Unicode, spaces, newlines and control characters, but
    no NUL, slash or leading dot; then ids of as many bytes as a file's name can have.
    """
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0/")
    odd = st.text(characters, min_size=1, max_size=20).filter(lambda text: text[0] != ".")
    return st.one_of(st.integers(0, 99).map(lambda number: f"t{number}"), odd, odd.map(_longest))


def agent_ids() -> st.SearchStrategy[str]:
    """Names of agents: plain ones, then any string that is not empty; shrinks to ``a0``."""
    odd = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
    return st.one_of(st.integers(0, 9).map(lambda number: f"a{number}"), odd)


def task_types() -> st.SearchStrategy[TaskType | str]:
    """The four known types, then any other name."""
    custom = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
    known = TaskType.__members__
    return st.one_of(st.sampled_from(TaskType), custom.filter(lambda name: name not in known))


def priorities() -> st.SearchStrategy[int]:
    """1 to 10 as usual, then any integer of 64 bits."""
    return st.one_of(st.integers(1, 10), st.integers(-(2**63), 2**63 - 1))


@st.composite
def tasks(
    draw: st.DrawFn,
    *,
    ids: st.SearchStrategy[str] | None = None,
    status: TaskStatus | None = None,
) -> Task:
    """Any task that a board may hold, of one ``status`` if given; shrinks to a plain pending one.

    Its fields agree with each other as after operations of the board: a claim has a holder and a
    time, a failed task an error, a returned task keeps its token. Times are any at all.
    """
    if status is None:
        status = draw(st.sampled_from(TaskStatus))
    traces = _traces(draw(_were_granted(status)), status)
    return draw(_posted(ids, status=st.just(status), **traces))


def pending_tasks(ids: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Task]:
    """Tasks as callers post them: pending and never granted; shrinks to a plain one."""
    return _posted(ids)


def task_sets(
    *, min_size: int = 0, max_size: int = 8, of: st.SearchStrategy[Task] | None = None
) -> st.SearchStrategy[list[Task]]:
    """Tasks that are posted together, each id once; shrinks to fewer and plainer ones.

    ``of`` is where they are drawn from, ``pending_tasks()`` by default.
    """
    return st.lists(
        pending_tasks() if of is None else of,
        min_size=min_size,
        max_size=max_size,
        unique_by=lambda task: task.task_id,
    )


def _posted(
    ids: st.SearchStrategy[str] | None, **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[Task]:
    return st.builds(
        Task,
        task_id=task_ids() if ids is None else ids,
        task_type=task_types(),
        description=texts(max_size=40),
        priority=priorities(),
        created_at=times(),
        payload=json_objects(),
        unknown_fields=_unknown_fields(),
        **others,
    )


def _were_granted(status: TaskStatus) -> st.SearchStrategy[bool]:
    """Whether a task of that status was ever granted: some must have been, some may."""
    if status in (TaskStatus.PENDING, TaskStatus.CANCELLED):
        return st.booleans()
    return st.just(True)


def _traces(granted: bool, status: TaskStatus) -> dict[str, st.SearchStrategy[Any]]:
    """What the grants and the end of a task leave in its fields."""
    if not granted:
        return {}
    counts = st.one_of(st.integers(0, 10), st.integers(0, TOKEN_MAX))  # 0: a file without them
    traces: dict[str, st.SearchStrategy[Any]] = {
        "token": counts,
        "attempts": counts,
        "lease_seconds": st.one_of(st.none(), lease_durations()),
        "result": _results(status),
    }
    if status in HELD | FINAL:
        traces["claimed_by"] = agent_ids()
        traces["claimed_at"] = times()
    return traces


def _results(status: TaskStatus) -> st.SearchStrategy[Any]:
    errors = texts(max_size=40).map(lambda text: {"error": text})
    if status is TaskStatus.COMPLETED:
        return json_values()
    return errors if status is TaskStatus.FAILED else st.one_of(st.none(), errors)


def _unknown_fields() -> st.SearchStrategy[dict[str, Any]]:
    names = texts(max_size=20).filter(lambda name: name not in _FIELD_NAMES)
    return st.one_of(st.just({}), st.dictionaries(names, json_values(), max_size=2)).map(dict)


def _longest(text: str) -> str:
    """The text over and over, up to the most bytes that an id may have."""
    repeated = (text * ID_BYTES_MAX).encode("utf-8")[:ID_BYTES_MAX]
    return repeated.decode("utf-8", errors="ignore")
