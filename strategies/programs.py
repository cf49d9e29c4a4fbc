"""Programs: what one agent asks of the board, in order, as plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from strategies import reading

__all__ = [
    "ASKS",
    "OUTSIDE",
    "PARENT",
    "TYPES",
    "Ask",
    "Program",
    "asks",
    "half_a_lease",
    "programs",
]

ASKS: Final = (
    "claim_next",
    "claim",
    "complete",
    "release",
    "start",
    "renew",
    "fail",
    "retry",
    "cancel",
    "requeue",
    "post",
    "prune",
    "get",
    "get_pending",
    "get_claimable",
    "get_by_type",
    "get_results_by_parent",
    "list_all",
    "advance",
)
"""What may be asked; ``retry`` is ``fail`` with ``retry=True``, ``advance`` lets time pass."""

TYPES: Final = ("CODE_ANALYSIS", "PARALLEL_SEARCH")
"""The types that the tasks of a scenario are of."""

PARENT: Final = "p1"
"""The parent of all tasks of a scenario, as their payloads name it."""

OUTSIDE: Final = "../beside-the-board/outside"
"""An id that leads out of the board's directory, if it is taken for a path."""

_ON_THE_LAST_GRANT: Final = ("complete", "release", "start", "renew", "fail", "retry", "cancel")
_ON_NO_TASK: Final = ("get_pending", "get_results_by_parent", "list_all")


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of an agent on the board.

    ``task_id`` None means the task that was last granted to the agent; without one the call is
    left out. ``fenced`` calls pass the token of that grant where the board takes one; ``token`` is
    one that the agent knows from elsewhere, for calls with a ``task_id``. ``seconds`` is how long
    ``advance`` lets pass, and the age that ``prune`` and ``get_claimable`` ask for. ``types`` are
    those that the agent of a ``claim_next`` can handle, None for any; and the one that
    ``get_by_type`` asks for.
    """

    name: str
    task_id: str | None = None
    fenced: bool = True
    seconds: float = 0.0
    types: tuple[str, ...] | None = None
    token: int | None = None

    def __repr__(self) -> str:
        """As it would be written by hand."""
        named = [f"{name}={value!r}" for name, value in self.to_json().items() if name != "name"]
        return f"Ask({', '.join([repr(self.name), *named])})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis prints of a failing example; else it shows every field."""
        printer.text(repr(self))

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what goes without saying."""
        fields: dict[str, Any] = {"name": self.name}
        if self.task_id is not None:
            fields["task_id"] = self.task_id
        if not self.fenced:
            fields["fenced"] = False
        if self.seconds:
            fields["seconds"] = self.seconds
        if self.types is not None:
            fields["types"] = list(self.types)
        if self.token is not None:
            fields["token"] = self.token
        return fields

    @staticmethod
    def from_json(fields: object) -> Ask:
        """The inverse of ``to_json``. Raises ValueError for what cannot be asked."""
        known = ("task_id", "fenced", "seconds", "types", "token")
        given = reading.members(fields, "a call", ["name"], known)
        name = reading.one_of(given["name"], "name", ASKS)
        task_id, token, types = given.get("task_id"), given.get("token"), given.get("types")
        if name == "post" and task_id is None:
            reading.refuse("post", "name a task_id", fields)
        return Ask(
            name,
            task_id if task_id in (None, OUTSIDE) else reading.task_id(task_id),
            reading.flag(given.get("fenced", True), "fenced"),
            reading.number(given.get("seconds", 0.0), "seconds", 0, reading.SECONDS_MAX),
            None if types is None else tuple(map(_type, reading.items(types, "types", 100))),
            None if token is None else reading.whole(token, "token", -(2**63), 2**63 - 1),
        )


def _type(value: object) -> str:
    return reading.text(value, "types", 200)


Program = tuple[Ask, ...]


@st.composite
def asks(
    draw: st.DrawFn,
    task_ids: Sequence[str],
    names: Sequence[str] = ASKS,
    *,
    lease_seconds: float = 3600.0,
) -> Ask:
    """One call, out of ``names``, on one of the tasks; shrinks to ``claim_next``.

    The last of ``task_ids`` is the one to post, so that not every post is of a taken id.
    Time advances by less than the board's lease, by all of it, and by more.
    """
    name = draw(st.sampled_from(list(names)))
    if name == "claim_next":
        is_able_to_all = draw(st.sampled_from([True, False]))
        return Ask(name) if is_able_to_all else Ask(name, types=(draw(st.sampled_from(TYPES)),))
    if name in _ON_NO_TASK:
        return Ask(name)
    if name == "get_by_type":
        return Ask(name, types=(draw(st.sampled_from(TYPES)),))
    if name == "advance":
        return Ask(name, seconds=draw(st.sampled_from(_steps(lease_seconds))))
    if name in ("prune", "get_claimable"):
        return Ask(name, seconds=draw(st.sampled_from([0.0, *_steps(lease_seconds)])))
    if name in _ON_THE_LAST_GRANT and draw(st.integers(0, 3)):
        return Ask(name, fenced=draw(st.integers(0, 3)) > 0)
    ids = [task_ids[-1], *task_ids] if name == "post" else list(task_ids)
    return Ask(name, draw(st.sampled_from(ids)), fenced=False)


def programs(
    task_ids: Sequence[str],
    *,
    asks_max: int = 5,
    names: Sequence[str] = ASKS,
    lease_seconds: float = 3600.0,
) -> st.SearchStrategy[Program]:
    """One agent's program, of 1 to ``asks_max`` calls; shrinks to one ``claim_next``.

    Single calls, and stretches of the life of a task: it is claimed, and then something is done
    with it. Without these most operations would hardly ever have anything to succeed on.
    """
    one = asks(task_ids, names, lease_seconds=lease_seconds)
    parts = st.one_of(one.map(lambda ask: (ask,)), _lives(task_ids, names))
    return st.lists(parts, min_size=1, max_size=asks_max).map(
        lambda drawn: tuple(ask for part in drawn for ask in part)[:asks_max]
    )


def _lives(task_ids: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[Program]:
    """A claim, something with the token of its grant, and perhaps a way out of a final state."""
    by_id = [Ask("claim", task_id, fenced=False) for task_id in task_ids]
    claims = [Ask("claim_next")] if "claim_next" in names else by_id
    others = [name for name in _ON_THE_LAST_GRANT if name in names]
    if not others:
        return st.nothing()
    back = [name for name in ("requeue",) if name in names]
    ends = [name for name in ("fail", "cancel") if name in names]
    then = st.sampled_from([(other,) for other in others] + [(e, b) for e in ends for b in back])
    return st.tuples(st.sampled_from(claims), then).map(
        lambda drawn: (drawn[0], *(Ask(name) for name in drawn[1]))
    )


def half_a_lease(lease_seconds: float) -> float:
    """A time in which no claim lapses; a day where none ever does."""
    return 86_400.0 if math.isinf(lease_seconds) else lease_seconds / 2


def _steps(lease_seconds: float) -> list[float]:
    """How long time goes on, so that two steps can make up a lease."""
    half = half_a_lease(lease_seconds)
    return [1.0, half] if math.isinf(lease_seconds) else [half, lease_seconds, 2 * lease_seconds]
