"""One task as the promises state it: the model for all operations on its id.

Whatever time tells is decided by the callers' clocks: a claim was made between the beginning and
the end of its call, and whether it has lapsed may be open. A rule can be left out, by the invariant
that it belongs to; what then becomes possible tells which invariant was broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from proofs.harness.checkers.evidence import (
    ENDS,
    GRANTS,
    HELD,
    RETURNS,
    status_of,
    was_refused,
)
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.history import Operation

RULES: Final = ("S4", "S5", "S9", "S14", "S2", "S16", "S10", "S7", "S6")
"""The invariants whose rules can be left out, those that explain most precisely first."""


class TaskState(NamedTuple):
    """``held_since`` is the earliest and the latest moment at which the lease began.

    ``token`` None is one that is not known, but larger than ``token_before``, the largest known of
    the grants before; ``by`` is whose result is kept.
    """

    status: str = "ABSENT"
    holder: str | None = None
    token: int | None = None
    token_before: int = -1
    held_since: tuple[float, float] | None = None
    attempts: int = 0
    by: str | None = None


@dataclass(frozen=True)
class TaskModel:
    """``tokens`` are those of the grants, by agent and invocation, as far as they are known.

    ``alone`` are the calls beside which there was no other, which nothing but the state of the
    task can have got in the way of. ``without`` are the rules left out.
    """

    posted: bool = True
    promises: Promises = PROMISES
    tokens: dict[tuple[str, int], int | None] = field(default_factory=dict)
    alone: frozenset[tuple[str, int]] = frozenset()
    without: frozenset[str] = frozenset()

    def init(self) -> TaskState:
        """Pending if it was posted before, else not there."""
        return TaskState("PENDING" if self.posted else "ABSENT")

    def step(self, state: TaskState, operation: Operation) -> list[TaskState]:
        """What the operation may lead to."""
        found: list[TaskState] = []
        for start in self._used_up_or_not(state, operation):
            found += self._step(start, operation)
        return found

    def _step(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        if operation.name in ("get", "sees"):
            if self._is_seen(state, operation):
                yield state
        elif was_refused(operation):
            if self._may_refuse(state, operation):
                yield state
            if "S10" in self.without:
                yield from self._change(state, operation)
        else:
            yield from self._change(state, operation)

    def _change(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        if operation.name == "post":
            if state.status == "ABSENT" or "S6" in self.without:
                yield TaskState("PENDING")
        elif state.status == "ABSENT":
            return
        elif operation.name in GRANTS:
            yield from self._grant(state, operation)
        else:
            yield from self._move(state, operation)

    def _grant(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        token = self.tokens.get((operation.agent, operation.invoked_at))
        before = _largest_token(state)
        if token is not None and token <= before and "S2" not in self.without:
            return
        if self._may_be_granted(state, operation):
            since = (operation.started, operation.ended)
            attempts = state.attempts + 1
            yield TaskState("CLAIMED", operation.agent, token, before, since, attempts, state.by)

    def _may_be_granted(self, state: TaskState, operation: Operation) -> bool:
        if state.status == "PENDING":
            return True
        if state.status in HELD:
            return self.may_be_stale(state, operation) or "S4" in self.without
        return "S14" in self.without

    def _move(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        """A change by whoever holds the task, or calls itself its holder."""
        token = operation.arguments.get("token")
        if not self._may_move(state, operation.name):
            return
        if token is None or _may_be_the_token(state, token):
            yield self._moved(state, operation)
        elif "S5" in self.without:
            yield self._moved(state, operation)
            # What a zombie writes may be the task as it was when it still held it.
            yield self._moved(state._replace(holder=operation.agent, token=token), operation)

    def _may_move(self, state: TaskState, name: str) -> bool:
        if state.status in HELD:
            return True
        if state.status == "PENDING":
            return name == "cancel" or "S5" in self.without
        if name == "requeue":
            return state.status != "COMPLETED"
        if name == "complete" and state.status == "COMPLETED":
            return "S9" in self.without
        return "S14" in self.without

    def _moved(self, state: TaskState, operation: Operation) -> TaskState:
        name, since = operation.name, (operation.started, operation.ended)
        if name in ENDS:
            by = operation.agent if name == "complete" else None
            return state._replace(status=ENDS[name], by=by)
        if name in RETURNS:
            return state._replace(status="PENDING", holder=None, held_since=None)
        holder = state.holder or operation.agent
        if name == "start":
            return state._replace(status="IN_PROGRESS", holder=holder)
        status = state.status if state.status in HELD else "CLAIMED"
        return state._replace(status=status, holder=holder, held_since=since)

    def _may_refuse(self, state: TaskState, operation: Operation) -> bool:
        """Whatever came in between may be a reason; alone, a free task must be granted.

        Alone, too, the holder of a claim that has not lapsed must be able to complete it.
        """
        if (operation.agent, operation.invoked_at) not in self.alone or "S10" in self.without:
            return True
        if operation.name == "claim":
            return state.status != "PENDING"
        token = operation.arguments.get("token")
        holds = state.status in HELD and token is not None and token == state.token
        return not (
            operation.name == "complete" and holds and not self.may_be_stale(state, operation)
        )

    def _is_seen(self, state: TaskState, operation: Operation) -> bool:
        """Whether a reader may have been told this."""
        if operation.name == "sees":
            listing, seen = operation.answer
            if {"get_pending": "S16", "list_all": "S16", "final": "S6"}[listing] in self.without:
                return True
        else:
            listing, seen = "get", operation.answer
        if "S6" in self.without:
            return True
        if seen is None:
            if listing == "get_pending":
                return state.status != "PENDING"
            return state.status == "ABSENT" or "S7" in self.without
        return self._matches(state, seen)

    def _matches(self, state: TaskState, seen: dict[str, Any]) -> bool:
        if state.status == "ABSENT":
            return False
        if status_of(seen) not in (None, state.status):
            return False
        if state.status in HELD or state.status == "COMPLETED":
            claimed_by = seen.get("claimed_by")
            if claimed_by is not None and claimed_by != state.holder:
                return False
        result = seen.get("result")
        is_other = state.status == "COMPLETED" and result not in (None, {"by": state.by})
        return not is_other or "S9" in self.without

    def _used_up_or_not(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        """A stale claim without attempts left is ended by any look for work, before or now."""
        yield state
        attempts_max = self.promises.attempts_max
        if attempts_max is None or state.attempts < attempts_max:
            return
        if state.status in HELD and self.may_be_stale(state, operation):
            yield state._replace(status="FAILED")

    def may_be_stale(self, state: TaskState, operation: Operation) -> bool:
        """Whether the claim may have lapsed when the operation took effect."""
        if state.held_since is None:
            return True
        earliest, latest = state.held_since
        lease = self.promises.lease_seconds
        return operation.ended - earliest >= lease or latest - operation.started > lease

    def must_be_claimable(self, state: TaskState, operation: Operation) -> bool:
        """Whether a look for work, at this moment of the call, had to find it."""
        if state.status == "PENDING":
            return True
        if state.status not in HELD or state.held_since is None:
            return False
        attempts_max = self.promises.attempts_max
        is_stale = operation.started - state.held_since[1] >= self.promises.lease_seconds
        return is_stale and (attempts_max is None or state.attempts < attempts_max)


def _largest_token(state: TaskState) -> int:
    return state.token_before if state.token is None else max(state.token, state.token_before)


def _may_be_the_token(state: TaskState, token: int) -> bool:
    return token > state.token_before if state.token is None else token == state.token
