"""One task as the promises state it: the model for all operations on its id.

Whatever time tells is decided by the clocks that a lease may go by (see ``Evidence``): a claim was
made between the beginning and the end of its call, and whether it has lapsed may be open. A rule
can be left out, by the invariant that it belongs to; what then becomes possible tells which
invariant was broken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from proofs.harness.checkers.evidence import (
    ENDS,
    FINAL,
    GRANTS,
    HELD,
    LISTINGS,
    RETURNS,
    is_among,
    status_of,
    token_of,
    was_refused,
)
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.history import Operation

RULES: Final = ("S18", "S4", "S5", "S9", "S14", "S2", "S16", "S10", "S7", "S6")
"""The invariants whose rules can be left out, those that explain most precisely first."""

_LEASE_SECONDS_ABSENT: Final = 3600.0


GONE: Final = frozenset({"ABSENT", "PRUNED"})


class TaskState(NamedTuple):
    """``held_since`` is the earliest and the latest moment at which the lease began.

    ``token`` None is one that is not known, but larger than ``token_before``, the largest known of
    the grants before; ``result`` is what is kept, as JSON. ``lease_seconds`` None is the board's;
    ``noticed`` is False as long as a look for work may pass the task over. A task that was put away
    is PRUNED.
    """

    status: str = "ABSENT"
    holder: str | None = None
    token: int | None = None
    token_before: int = -1
    held_since: tuple[float, float] | None = None
    attempts: int = 0
    result: str | None = None
    lease_seconds: float | None = None
    noticed: bool = True


POSTED: Final = TaskState("PENDING")


@dataclass(frozen=True)
class TaskModel:
    """``start`` is the task as it was before; ``types`` are those that it may be of.

    ``alone`` are the calls beside which there was no other, which nothing but the state of the
    task can have got in the way of. ``renewing`` are the agents whose claims may be renewed by no
    call of theirs. ``without`` are the rules left out.
    """

    start: TaskState = POSTED
    promises: Promises = PROMISES
    types: frozenset[str] = frozenset()
    alone: frozenset[tuple[str, int]] = frozenset()
    renewing: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def init(self) -> TaskState:
        """The task as it was before."""
        return self.start

    def step(self, state: TaskState, operation: Operation) -> list[TaskState]:
        """What the operation may lead to."""
        found: list[TaskState] = []
        for start in self.used_up_or_not(state, operation):
            found += self._step(start, operation)
        return found

    def _step(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        if operation.name == "looks":
            yield state
        elif operation.name in ("get", "sees"):
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
            if state.status in GONE or "S6" in self.without:
                yield TaskState("PENDING")
        elif operation.name == "prune":
            if state.status in FINAL or "S7" in self.without:
                yield state._replace(status="PRUNED")
        elif state.status == "ABSENT":
            return
        elif operation.name in GRANTS:
            yield from self._grant(state, operation)
        else:
            yield from self._move(state, operation)

    def _grant(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        token = token_of(operation) if operation.outcome == "ok" and operation.answer else None
        before = _largest_token(state)
        if token is not None and token <= before and "S2" not in self.without:
            return
        if self._is_able(operation) is False and "S18" not in self.without:
            return
        if self._may_be_granted(state, operation):
            since = (operation.started, operation.done_by)
            attempts = state.attempts + 1
            yield TaskState(
                "CLAIMED", operation.agent, token, before, since, attempts, state.result
            )

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
            if operation.name == "requeue":  # which may count the attempts anew
                yield self._moved(state._replace(attempts=0), operation)
        elif "S5" in self.without:
            yield self._moved(state, operation)
            # What a zombie writes may be the task as it was when it still held it.
            yield self._moved(state._replace(holder=operation.agent, token=token), operation)

    def _may_move(self, state: TaskState, name: str) -> bool:
        if state.status in HELD:
            return True
        if state.status == "PENDING":
            return name in ("cancel", "requeue") or "S5" in self.without
        if name == "requeue" and state.status in ("FAILED", "CANCELLED"):
            return True
        if name == "complete" and state.status == "COMPLETED":
            return "S9" in self.without
        return "S14" in self.without

    def _moved(self, state: TaskState, operation: Operation) -> TaskState:
        name, since = operation.name, (operation.started, operation.done_by)
        if name in ENDS:
            kept = {"by": operation.agent, "of": operation.arguments["task_id"]}
            result = _text(kept) if name == "complete" else None
            return state._replace(status=ENDS[name], result=result)
        if name in RETURNS:
            return state._replace(status="PENDING", holder=None, held_since=None)
        holder = state.holder or operation.agent
        if name == "start":
            return state._replace(status="IN_PROGRESS", holder=holder)
        status = state.status if state.status in HELD else "CLAIMED"
        return state._replace(status=status, holder=holder, held_since=since)

    def _may_refuse(self, state: TaskState, operation: Operation) -> bool:
        """Whatever came in between may be a reason; alone, what is free or stale must be granted.

        Alone, too, the holder of a claim that has not lapsed must be able to complete it.
        """
        if (operation.agent, operation.invoked_at) not in self.alone or "S10" in self.without:
            return True
        if operation.name == "claim":
            is_stale = self._must_be_stale(state, operation) and not self._is_used_up(state)
            return state.status != "PENDING" and not is_stale
        token = operation.arguments.get("token")
        holds = state.status in HELD and token is not None and token == state.token
        return not (
            operation.name == "complete" and holds and not self.may_be_stale(state, operation)
        )

    def _is_seen(self, state: TaskState, operation: Operation) -> bool:
        """Whether a reader may have been told this."""
        if operation.name == "sees":
            listing, seen = operation.answer
            if ("S16" if listing in LISTINGS else "S6") in self.without:
                return True
        else:
            listing, seen = "get", operation.answer
        if "S6" in self.without:
            return True
        may_be, must_be = self._is_listed(state, listing, operation)
        if seen is None:
            return not must_be or "S7" in self.without
        return may_be and self._matches(state, seen)

    def _is_listed(self, state: TaskState, listing: str, operation: Operation) -> tuple[bool, bool]:
        """Whether such a listing may show the task, and whether it must."""
        is_pending, is_there = state.status == "PENDING", state.status not in GONE
        if listing == "get_pending":
            return is_pending or self._is_held_too_long(state, operation), is_pending
        if listing == "get_claimable":
            age = operation.arguments["timeout_seconds"]
            may_be = self._is_held_too_long(state, operation) or (
                _held_at_most(state, operation) >= age
            )
            must_be = self._held_at_least(state, operation) >= age and not self._is_used_up(state)
            return is_pending or may_be, is_pending or must_be
        if listing == "get_results_by_parent":
            is_completed = state.status == "COMPLETED"
            return is_completed, is_completed
        return is_there, is_there

    def _matches(self, state: TaskState, seen: dict[str, Any]) -> bool:
        if status_of(seen) not in (None, state.status):
            return False
        if state.status in HELD or state.status == "COMPLETED":
            claimed_by = seen.get("claimed_by")
            if claimed_by is not None and claimed_by != state.holder:
                return False
        result = seen.get("result") if state.status == "COMPLETED" else None
        is_kept = result is None or _text(result) == state.result
        return is_kept or "S9" in self.without

    def used_up_or_not(self, state: TaskState, operation: Operation) -> Iterator[TaskState]:
        """A stale claim without attempts left is ended by any look for work, before or now.

        Those that found something else, or nothing, are operations of the name "looks" here.
        """
        yield state
        if self._is_used_up(state) and self._is_held_too_long(state, operation):
            yield state._replace(status="FAILED")

    def _is_used_up(self, state: TaskState) -> bool:
        attempts_max = self.promises.attempts_max
        return attempts_max is not None and state.attempts >= attempts_max

    def _is_held_too_long(self, state: TaskState, operation: Operation) -> bool:
        return state.status in HELD and self.may_be_stale(state, operation)

    def may_be_stale(self, state: TaskState, operation: Operation) -> bool:
        """Whether the claim may have lapsed when the operation took effect."""
        if state.held_since is None:
            return True
        lease = self._lease_seconds(state)
        return (
            operation.done_by - state.held_since[0] >= lease
            or state.held_since[1] - operation.started > lease
        )

    def must_be_claimable(self, state: TaskState, operation: Operation) -> bool:
        """Whether a look for work, at this moment of the call, had to find it."""
        if self._is_able(operation) is not True or not state.noticed:
            return False
        must_be_stale = self._must_be_stale(state, operation)
        return state.status == "PENDING" or (must_be_stale and not self._is_used_up(state))

    def _must_be_stale(self, state: TaskState, operation: Operation) -> bool:
        """Whether the claim had lapsed during all of the call.

        One dated too far ahead may be taken for lapsed, and need not, if that is not promised: of a
        stranger's board nobody knows which clock it dates claims by.
        """
        lease = self._lease_seconds(state)
        is_ahead = self.promises.stale_ahead and _ahead_at_least(state, operation) > lease
        return is_ahead or self._held_at_least(state, operation) >= lease

    def _held_at_least(self, state: TaskState, operation: Operation) -> float:
        """For how many seconds the task surely had been held; infinitely few if it was not."""
        is_sure = state.status in HELD and state.holder not in self.renewing
        if state.held_since is None or not is_sure:
            return -math.inf
        return operation.started - state.held_since[1]

    def _lease_seconds(self, state: TaskState) -> float:
        return self.promises.lease_seconds if state.lease_seconds is None else state.lease_seconds

    def _is_able(self, operation: Operation) -> bool | None:
        """Whether a grant was asked for such a task; None if that is not known."""
        return is_among(operation.arguments.get("capabilities"), self.types)


def _ahead_at_least(state: TaskState, operation: Operation) -> float:
    """How far ahead of the call's clock the claim surely was dated."""
    if state.status not in HELD or state.held_since is None:
        return -math.inf
    return state.held_since[0] - operation.done_by


def _held_at_most(state: TaskState, operation: Operation) -> float:
    """For how many seconds the task may have been held; infinitely few if it was not."""
    if state.status not in HELD:
        return -math.inf
    return operation.done_by - state.held_since[0] if state.held_since else math.inf


def state_of(task: Mapping[str, Any] | None) -> TaskState:
    """The state of a task that was there before (see ``History``); None: it was not."""
    if task is None:
        return TaskState()
    if "status" not in task:
        return POSTED
    claimed_at, lease = task["claimed_at"], task["lease_seconds"]
    return TaskState(
        task["status"],
        task["claimed_by"],
        task["token"],
        task["largest_token"],
        None if claimed_at is None else (claimed_at, claimed_at),
        task["attempts"],
        _text(task["result"]),
        _LEASE_SECONDS_ABSENT if lease is None else lease,
        task["noticed"],
    )


def _text(result: Any) -> str:
    """A result as what can be compared and counted among states."""
    return json.dumps(result, sort_keys=True)


def _largest_token(state: TaskState) -> int:
    return state.token_before if state.token is None else max(state.token, state.token_before)


def _may_be_the_token(state: TaskState, token: int) -> bool:
    return token > state.token_before if state.token is None else token == state.token
