"""One history out of the journals of many processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from proofs.harness.history import KILLED, Operation, Outcome
from proofs.soak.journal import Call

CAME_BACK_NEVER: Final = "did not come back"


def merged(calls: Sequence[Call]) -> list[Operation]:
    """The calls of all journals as one history's, by invocation.

    Places are ranks of the readings of the monotonic clock; at one reading what begins comes first,
    so that it overlaps. A clock that is read just before a call and just after it makes intervals
    that are never too short. ``started`` and ``ended`` are the calendar's, by whatever it was seen
    to differ from the monotonic clock meanwhile: set or slewed, it makes intervals longer, and
    leases that may have lapsed. Of a call whose process died, nobody knows; it is over by the
    moment when somebody had waited for that process.
    """
    moments = sorted(_moments(calls), key=lambda moment: (moment[0], moment[1]))
    rank = {(number, ends): place for place, (_, ends, number) in enumerate(moments)}
    calendar = _Calendar.of(line for call in calls for line in _lines(call))
    found = [
        _operation(call, rank[number, False], rank.get((number, True), len(moments)), calendar)
        for number, call in enumerate(calls)
    ]
    return sorted(found, key=lambda operation: operation.invoked_at)


def _moments(calls: Sequence[Call]) -> Iterator[tuple[int, bool, int]]:
    for number, call in enumerate(calls):
        yield call.begins["at"], False, number
        last = call.ends or call.died
        if last is not None:
            yield last["at"], True, number


def _lines(call: Call) -> Iterator[Mapping[str, Any]]:
    return (line for line in (call.begins, call.ends, call.died) if line is not None)


@dataclass(frozen=True, slots=True)
class _Calendar:
    """By how much, at least and at most, the calendar was ahead of the monotonic clock."""

    ahead_min: float = 0.0
    ahead_max: float = 0.0

    @staticmethod
    def of(lines: Iterable[Mapping[str, Any]]) -> _Calendar:
        ahead = [line["time"] - line["at"] / 1e9 for line in lines]
        return _Calendar(min(ahead), max(ahead)) if ahead else _Calendar()

    def earliest(self, line: Mapping[str, Any]) -> float:
        return float(line["at"] / 1e9 + self.ahead_min)

    def latest(self, line: Mapping[str, Any]) -> float:
        return float(line["at"] / 1e9 + self.ahead_max)


def _operation(call: Call, invoked_at: int, returned_at: int, calendar: _Calendar) -> Operation:
    last = call.ends or call.died or call.begins
    outcome: Outcome = "unknown"
    answer, error = None, KILLED if call.died else CAME_BACK_NEVER
    if call.ends is not None:
        outcome, answer, error = (call.ends[name] for name in ("outcome", "answer", "error"))
    return Operation(
        call.begins["agent"],
        call.begins["name"],
        call.begins["arguments"],
        invoked_at,
        returned_at,
        calendar.earliest(call.begins),
        calendar.latest(last),
        outcome,
        answer,
        error,
    )


def to_json(operation: Operation) -> dict[str, Any]:
    """All its fields."""
    return {name: getattr(operation, name) for name in Operation.__slots__}


def from_json(fields: Mapping[str, Any]) -> Operation:
    """The inverse of ``to_json``."""
    return Operation(**json.loads(json.dumps(fields)))
