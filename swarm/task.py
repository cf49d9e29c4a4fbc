"""Task, its states and types, and which state may follow which."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from swarm.errors import CorruptTaskError, InvalidTaskError, NewerFormatError, shown
from swarm.strict_json import NESTING_MAX, StrictJSONError, is_nested_deeper, parse

FORMAT_VERSION: Final = 1
LEASE_SECONDS_DEFAULT: Final = 3600.0
TOKEN_MAX: Final = 2**53 - 1
"""The largest token: the largest integer that every JSON reader keeps exact."""

_INT64 = range(-(2**63), 2**63)


class TaskStatus(StrEnum):
    """The states of a task."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class TaskType(StrEnum):
    """The types that every agent knows; any other non-empty string may be one too."""

    CODE_ANALYSIS = "CODE_ANALYSIS"
    PARALLEL_SEARCH = "PARALLEL_SEARCH"
    SOLUTION_EXPLORATION = "SOLUTION_EXPLORATION"
    DISTRIBUTED_REVIEW = "DISTRIBUTED_REVIEW"


HELD: Final = frozenset({TaskStatus.CLAIMED, TaskStatus.IN_PROGRESS})
FINAL: Final = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})

TRANSITIONS: Final[Mapping[str, tuple[frozenset[TaskStatus], TaskStatus | None]]] = {
    # operation: (from any of these states, to this one; None leaves it as it is)
    "claim": (frozenset({TaskStatus.PENDING}), TaskStatus.CLAIMED),  # or any stale claim
    "start": (frozenset({TaskStatus.CLAIMED}), TaskStatus.IN_PROGRESS),
    "renew": (HELD, None),
    "complete": (HELD, TaskStatus.COMPLETED),
    "fail": (HELD, TaskStatus.FAILED),
    "retry": (HELD, TaskStatus.PENDING),  # fail(..., retry=True)
    "release": (HELD, TaskStatus.PENDING),
    "cancel": (HELD | {TaskStatus.PENDING}, TaskStatus.CANCELLED),
    "requeue": (frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED}), TaskStatus.PENDING),
}
"""The one table of what may follow what; each operation of a task consults it and nothing else."""


@dataclass(slots=True)
class Task:
    """One unit of work: a plain value, changed in memory only. The board makes changes last.

    ``priority`` is any 64-bit integer, the lower the sooner. Times are seconds since the epoch,
    int or float. ``token`` grows with each grant, ``attempts`` counts them, ``lease_seconds`` is
    the lease of the latest (3600 where a file names none). ``unknown_fields`` are kept and
    written back as they came.
    """

    task_id: str
    task_type: TaskType | str
    description: str
    status: TaskStatus = TaskStatus.PENDING
    priority: int = 5
    created_at: float = field(default_factory=time.time)
    claimed_by: str | None = None
    claimed_at: float | None = None
    result: Any = None
    payload: dict[str, Any] = field(default_factory=dict)
    token: int = 0
    attempts: int = 0
    lease_seconds: float | None = None
    unknown_fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.task_type = as_task_type(self.task_type)
        if type(self.status) is str and self.status in TaskStatus.__members__:
            self.status = TaskStatus(self.status)

    def order_key(self) -> tuple[int, float, str]:
        """Sorts tasks as they are granted: lowest priority number, then oldest, then by id."""
        return (self.priority, float(self.created_at), self.task_id)

    # Each of the following answers whether the table allowed it, and if not changes nothing.

    def claim(
        self,
        agent_id: str,
        *,
        now: float | None = None,
        lease_seconds: float = LEASE_SECONDS_DEFAULT,
        token: int | None = None,
    ) -> bool:
        """Grant this task, pending or stale, to an agent; ``token`` must exceed the last one."""
        now = time.time() if now is None else now
        if not (self._allows("claim") or self.is_stale(now)):
            return False
        self.status = TaskStatus.CLAIMED
        self.claimed_by = agent_id
        self.claimed_at = now
        self.lease_seconds = lease_seconds
        self.token = self.token + 1 if token is None else token
        self.attempts += 1
        return True

    def start(self) -> bool:
        """The holder begins to work."""
        return self._move("start")

    def renew(self, *, now: float | None = None) -> bool:
        """The lease runs anew from ``now``."""
        if not self._move("renew"):
            return False
        self.claimed_at = time.time() if now is None else now
        return True

    def complete(self, result: Any) -> bool:
        """Done, with this result."""
        if not self._move("complete"):
            return False
        self.result = result
        return True

    def fail(self, error: str, *, retry: bool = False) -> bool:
        """Failed for good, or back to the pool with ``retry``; the error stays as the result."""
        if not self._move("retry" if retry else "fail"):
            return False
        self.result = {"error": error}
        if retry:
            self._forget_claim()
        return True

    def release(self) -> bool:
        """Given back to the pool as it was."""
        return self._move("release") and self._forget_claim()

    def cancel(self) -> bool:
        """Not to be done any more."""
        return self._move("cancel")

    def requeue(self) -> bool:
        """A person sends a failed or cancelled task back to the pool, with all attempts anew."""
        if not self._move("requeue"):
            return False
        self.result = None
        self.attempts = 0
        return self._forget_claim()

    def is_stale(self, now: float) -> bool:
        """Whether the claim on it has lapsed, by the lease it was granted with.

        So has one dated more than a lease ahead: its clock was wrong, and it must not be stuck.
        """
        if self.status not in HELD or self.claimed_at is None:
            return False
        lease = LEASE_SECONDS_DEFAULT if self.lease_seconds is None else self.lease_seconds
        return now - self.claimed_at >= lease or self.claimed_at - now > lease

    def _allows(self, operation: str) -> bool:
        return self.status in TRANSITIONS[operation][0]

    def _move(self, operation: str) -> bool:
        if not self._allows(operation):
            return False
        self.status = TRANSITIONS[operation][1] or self.status
        return True

    def _forget_claim(self) -> bool:
        self.claimed_by = None
        self.claimed_at = None
        return True

    def to_json(self) -> str:
        """One line of JSON, the fields in the order of this class, unknown ones last.

        Raises ``InvalidTaskError`` where a value is not JSON or breaks a rule of ``from_json``:
        what can be written is exactly what can be read.
        """
        text = self.to_json_unchecked()
        try:
            again = Task.from_json(text)
        except CorruptTaskError as error:
            raise InvalidTaskError(
                "task", f"be readable ({error.reason})", shown(self.task_id)
            ) from None
        if again != self:
            for name in Task.__slots__:
                _refuse_changed(name, getattr(self, name), getattr(again, name))
        return text

    def to_json_unchecked(self) -> str:
        """As ``to_json``, for a task that was read and whose new values break no rule."""
        fields = self._to_fields()
        try:
            return _ENCODER.encode(fields)
        except (TypeError, ValueError) as error:
            raise InvalidTaskError("task", f"be JSON ({error})", shown(self.task_id)) from None
        except RecursionError:
            if not is_nested_deeper(fields, NESTING_MAX):
                raise  # the caller's stack is to blame, not the task
            rule = f"be nested at most {NESTING_MAX} deep"
            raise InvalidTaskError("task", rule, shown(self.task_id)) from None

    @staticmethod
    def from_json(text: str | bytes, source: str = "task") -> Task:
        """The task that ``text`` holds; ``source`` names where it came from.

        Raises ``CorruptTaskError`` for any text that is not a task, and its subclass
        ``NewerFormatError`` for a task of a later version.
        """
        try:
            data = text.encode("utf-8") if isinstance(text, str) else text
            return _from_fields(parse(data))
        except UnicodeEncodeError:
            raise CorruptTaskError(source, "a string holds half of a surrogate pair") from None
        except _FormatTooNew as error:
            raise NewerFormatError(source, str(error)) from None
        except (StrictJSONError, _FieldError) as error:
            raise CorruptTaskError(source, str(error)) from None

    def _to_fields(self) -> dict[str, Any]:
        known = {name: getattr(self, name) for name in _KNOWN}
        return {**known, "format_version": FORMAT_VERSION, **self.unknown_fields}


def as_task_type(value: TaskType | str) -> TaskType | str:
    """The ``TaskType`` of that name, or the name itself where there is none."""
    return TaskType(value) if type(value) is str and value in TaskType.__members__ else value


def _refuse_changed(name: str, given: object, read: object) -> None:
    """JSON writes some values as others, such as a key 1 as "1": refuse what would change."""
    if given != read and _tuples_as_lists(given) != read:
        raise InvalidTaskError(name, "come back from JSON as it was", shown(given))


def _tuples_as_lists(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_tuples_as_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _tuples_as_lists(item) for key, item in value.items()}
    return value


class _FieldError(Exception):
    """A field breaks its rule."""


class _FormatTooNew(Exception):
    """The format version is a later one."""


def _is_count(value: int) -> bool:
    return 0 <= value <= TOKEN_MAX


_ENCODER: Final = json.JSONEncoder(allow_nan=False)
_NUMBER: Final = (int, float)  # finite and kept by a double: strict_json has seen to that
_NONE: Final = type(None)
_ANY: Final = (str, int, float, bool, dict, list, _NONE)

# Of each field the types that JSON may have made it, what else must hold, and both in words.
_RULES: Final[Mapping[str, tuple[tuple[type, ...], Callable[[Any], bool] | None, str]]] = {
    "task_id": ((str,), bool, "be a non-empty string"),
    "task_type": ((str,), bool, "be a non-empty string"),
    "description": ((str,), None, "be a string"),
    "status": (
        (str,),
        TaskStatus.__members__.__contains__,
        "be one of " + ", ".join(TaskStatus.__members__),
    ),
    "priority": ((int,), _INT64.__contains__, "be a 64-bit integer"),
    "created_at": (_NUMBER, None, "be a finite number of seconds"),
    "claimed_by": ((str, _NONE), None, "be a string or null"),
    "claimed_at": ((*_NUMBER, _NONE), None, "be a finite number of seconds or null"),
    "result": (_ANY, None, "be JSON"),
    "payload": ((dict,), None, "be an object"),
    "token": ((int,), _is_count, f"be an integer from 0 to {TOKEN_MAX}"),
    "attempts": ((int,), _is_count, f"be an integer from 0 to {TOKEN_MAX}"),
    "lease_seconds": (
        (*_NUMBER, _NONE),
        lambda seconds: seconds is None or seconds > 0,
        "be a positive number of seconds or null",
    ),
    "format_version": ((int,), FORMAT_VERSION.__eq__, f"be {FORMAT_VERSION}"),
}
_KNOWN: Final = tuple(name for name in _RULES if name != "format_version")
_REQUIRED: Final = tuple(_RULES)[:10]
_ADDED: Final = {"token": 0, "attempts": 0, "lease_seconds": None, "format_version": FORMAT_VERSION}


def _from_fields(fields: object) -> Task:
    if not isinstance(fields, dict):
        raise _FieldError(f"it must be an object, got {shown(fields)}")
    version = fields.get("format_version", FORMAT_VERSION)
    if type(version) is int and version > FORMAT_VERSION:
        raise _FormatTooNew(f"format_version is {version}, and this swarm knows {FORMAT_VERSION}")
    missing = [name for name in _REQUIRED if name not in fields]
    if missing:
        raise _FieldError("it must have the fields " + ", ".join(missing))
    fields = {**_ADDED, **fields}
    for name, (types, holds, rule) in _RULES.items():
        value = fields[name]
        if type(value) not in types or not (holds is None or holds(value)):
            raise _FieldError(f"{name} must {rule}, got {shown(value)}")
    known = {name: fields.pop(name) for name in _KNOWN}
    known["status"] = TaskStatus(known["status"])
    if known["status"] in HELD and (known["claimed_by"] is None or known["claimed_at"] is None):
        raise _FieldError(f"a {known['status']} task must have claimed_by and claimed_at")
    del fields["format_version"]
    return Task(**known, unknown_fields=fields)
