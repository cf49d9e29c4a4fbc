"""A history: what each agent asked of the board, and what it was told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

KILLED: Final = "killed"
"""In place of what was raised: the agent was killed within the call."""

Outcome = Literal["ok", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call on the board, from its invocation to its response.

    ``invoked_at`` and ``returned_at`` count the effects of all agents before, the call itself among
    them, so its own effects are those from the one to the other; ``started`` and
    ``ended`` are the caller's clock then, in seconds, or the earliest and the latest that it can
    have shown, if it was set back meanwhile. ``outcome`` is "ok" if the board said that it
    was done, "refused" if not, "unknown" if it raised and nobody knows. ``answer`` is, of a grant,
    ``{"task_id": …, "token": …}`` (token None where the board has none); of ``get`` the fields of
    the task, or None; of a listing a list of fields, for results those that they tell of; of
    ``prune`` the ids, None if the board does not tell them; else None. ``error`` is what was
    raised.
    """

    agent: str
    name: str
    arguments: dict[str, Any]
    invoked_at: int
    returned_at: int
    started: float
    ended: float
    outcome: Outcome
    answer: Any = None
    error: str | None = None

    @property
    def done_by(self) -> float:
        """The caller's clock when it had taken effect at the latest; never, if it raised."""
        return math.inf if self.may_go_on else self.ended

    @property
    def may_go_on(self) -> bool:
        """Whether it may take effect after it ended: it raised, and was not killed."""
        return self.outcome == "unknown" and self.error != KILLED

    def call(self) -> str:
        """What was asked, as it would be written."""
        values = [
            f"{name}={value}" if name == "token" else _shown(value)
            for name, value in self.arguments.items()
            if value is not None
        ]
        return f"{self.name}({', '.join(values)})"

    def response(self) -> str:
        """What came of it: what was raised, refused, granted or shown."""
        if self.error == KILLED:
            return KILLED
        if self.error is not None:
            return f"raised {self.error}"
        if self.outcome == "refused":
            return "None" if self.name == "claim_next" else "refused"
        return self.outcome if self.answer is None else _shown(self.answer)

    def precedes(self, other: Operation) -> bool:
        """Whether it had returned before the other one was invoked."""
        return self.returned_at <= other.invoked_at


@dataclass(frozen=True, slots=True)
class History:
    """All operations of a run, by invocation, and the tasks that were there before.

    Each of ``posted`` has a task_id, task_type, priority and created_at. One that was not just
    posted has its state as well: status, claimed_by, claimed_at, lease_seconds, token, attempts and
    result as the task says them; ``largest_token``, the largest that its id was ever granted; and
    ``noticed``, False where a look for work may pass it over: somebody changed it behind the
    board's back.
    """

    posted: Sequence[dict[str, Any]]
    operations: Sequence[Operation] = field(default_factory=list)

    def grants(self, task_id: str) -> list[Operation]:
        """The operations by which the task was granted, by invocation."""
        return [
            operation
            for operation in self.operations
            if operation.name in ("claim", "claim_next")
            and operation.outcome == "ok"
            and operation.answer is not None
            and operation.answer["task_id"] == task_id
        ]


def words_of_error(raised: BaseException, root: object) -> str:
    """What was raised, with paths as seen from the board's directory."""
    words = f"{type(raised).__name__}: {raised}".removesuffix(": ")
    return words.replace(f"{root}/", "").replace(str(root), ".")


def _shown(value: Any) -> str:
    """A task by its id, its status and its token, a list by what is in it, else what it is."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if not isinstance(value, dict) or "task_id" not in value:
        return str(value)
    status, token = value.get("status"), value.get("token")
    words = [value["task_id"], status, None if token is None else f"token {token}"]
    return " ".join(str(word) for word in words if word is not None)
