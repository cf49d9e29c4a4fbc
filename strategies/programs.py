"""Programs: what one agent asks of the board, in order, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

__all__ = ["ASKS", "Ask", "Program", "asks", "programs"]

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
    "post",
    "get",
    "get_pending",
    "list_all",
    "advance",
)
"""What may be asked; ``retry`` is ``fail`` with ``retry=True``, ``advance`` lets time pass."""

_ON_THE_LAST_GRANT: Final = ("complete", "release", "start", "renew", "fail", "retry", "cancel")


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of an agent on the board.

    ``task_id`` None means the task that was last granted to the agent; without one the call is
    left out. ``fenced`` calls pass the token of that grant where the board takes one. ``seconds``
    is for ``advance`` alone.
    """

    name: str
    task_id: str | None = None
    fenced: bool = True
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what goes without saying."""
        fields: dict[str, Any] = {"name": self.name}
        if self.task_id is not None:
            fields["task_id"] = self.task_id
        if not self.fenced:
            fields["fenced"] = False
        if self.seconds:
            fields["seconds"] = self.seconds
        return fields

    @staticmethod
    def from_json(fields: dict[str, Any]) -> Ask:
        """The inverse of ``to_json``."""
        return Ask(**fields)


Program = tuple[Ask, ...]


@st.composite
def asks(draw: st.DrawFn, task_ids: Sequence[str], names: Sequence[str] = ASKS) -> Ask:
    """One call, out of ``names``, on one of the tasks; shrinks to ``claim_next``."""
    name = draw(st.sampled_from(list(names)))
    if name in ("claim_next", "get_pending", "list_all"):
        return Ask(name)
    if name == "advance":
        return Ask(name, seconds=draw(st.sampled_from([1.0, 10.0, 20.0, 3600.0])))
    if name in _ON_THE_LAST_GRANT and draw(st.integers(0, 3)):
        return Ask(name, fenced=draw(st.integers(0, 3)) > 0)
    return Ask(name, draw(st.sampled_from(list(task_ids))), fenced=False)


def programs(
    task_ids: Sequence[str], *, asks_max: int = 5, names: Sequence[str] = ASKS
) -> st.SearchStrategy[Program]:
    """One agent's program, of 1 to ``asks_max`` calls."""
    return st.lists(asks(task_ids, names), min_size=1, max_size=asks_max).map(tuple)
