"""What a board that was not written for us means by its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

__all__ = [
    "UnfitBoardError",
    "fields",
    "is_done",
    "listed",
    "pruned",
    "results",
    "task_id_of",
    "token_of",
]

_FIELDS: Final = ("task_id", "status", "claimed_by", "token", "attempts", "result")


class UnfitBoardError(Exception):
    """The board is not used as it means to be: a fault of the set-up, and no violation."""


def task_id_of(operation: str, answer: Any) -> str:
    """The id of a task, which may be an object, a dict, or its id alone."""
    found = answer if isinstance(answer, str) else _field(answer, "task_id")
    if found is None:
        found = _field(answer, "id")
    if not isinstance(found, str) or not found:
        raise _misunderstood(operation, "a task, a dict with task_id, or a task id", answer)
    return found


def token_of(task: Any) -> int | None:
    """The token that a task bears; what is no whole number cannot be told to grow."""
    token = _field(task, "token")
    return token if isinstance(token, int) and not isinstance(token, bool) else None


def fields(operation: str, task: Any) -> dict[str, Any]:
    """What a checker may look at."""
    found = {name: _field(task, name) for name in _FIELDS}
    found["task_id"] = task_id_of(operation, task)
    if isinstance(found["status"], Enum):
        value = found["status"].value
        found["status"] = value if isinstance(value, str) else found["status"].name
    return found


def listed(operation: str, answer: Any) -> list[dict[str, Any]]:
    """Tasks in any collection; of a mapping, what it maps to."""
    return [fields(operation, task) for task in _each(operation, "tasks", answer)]


def results(operation: str, answer: Any) -> list[dict[str, Any]]:
    """Results, as what they tell of their tasks; each names its task (see ``BoardAdapter``)."""
    found = []
    for result in _each(operation, "results", answer):
        if not isinstance(result, Mapping) or "of" not in result:
            raise _misunderstood(operation, "results as they were handed in", result)
        found.append({"task_id": str(result["of"]), "status": "COMPLETED", "result": dict(result)})
    return found


def pruned(answer: Any) -> list[str] | None:
    """The ids of what was put away; None where the board says only that, or how many."""
    if answer is None or isinstance(answer, int):
        return None
    return [task_id_of("prune", task) for task in _each("prune", "task ids", answer)]


def is_done(operation: str, answer: Any) -> bool:
    """Whether the board says that it did it. None says neither yes nor no."""
    if answer is None:
        raise _misunderstood(operation, "whether it was done, as True or False", answer)
    return bool(answer)


def _field(task: Any, name: str) -> Any:
    return task.get(name) if isinstance(task, Mapping) else getattr(task, name, None)


def _each(operation: str, what: str, answer: Any) -> Iterable[Any]:
    if isinstance(answer, Mapping):
        return answer.values()
    if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        raise _misunderstood(operation, f"a collection of {what}", answer)
    return answer


def _misunderstood(operation: str, rule: str, answer: Any) -> UnfitBoardError:
    return UnfitBoardError(f"{operation} must answer {rule}, got {answer!r:.200}")
