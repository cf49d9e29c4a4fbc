"""Is there one order of the operations, true to time, that a model allows?

The search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the two
improvements of Lowe ("Testing for Linearizability", 2017): an operation is put in its place just in
time, when one of them returns, and each pair of what was placed and the state it led to is looked
at once. It departs from both in going breadth first: all such pairs are carried on from one return
to the next, where an operation that has returned is forgotten, so that a long history costs no more
than the most that overlaps in it. And where a model knows what needs what, only those are put in
their places that lead to the one that returns: the others, which have not returned, can as well
come later, as in the persistent sets of Godefroid ("Partial-Order Methods for the Verification of
Concurrent Systems", 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from proofs.harness.history import Operation

STEPS_MAX = 200_000

Placed = tuple[frozenset[int], Any]
"""The operations that took effect and have not returned, and the state they led to."""


class Model(Protocol):
    """What a board, or one task of it, does by its promises; or any other thing that is asked.

    States are anything that can be hashed; two that are equal are one. ``step`` decides alone, by
    the operation's name, arguments, outcome and answer, and also whether it may have been refused;
    it may look at nothing else that changes. A model may also have ``partition(operations)``, which
    splits them into lists that concern each other in nothing; each is judged alone. And it may have
    ``needs(one, other)``: False where, from each state from which the other and then the one is
    possible, the one and then the other is possible as well and leads to the same.
    """

    def init(self) -> Hashable:
        """The state before all operations."""
        ...

    def step(self, state: Any, operation: Operation) -> Iterable[Any] | None:
        """The states that the operation, with its answer, may lead to; none if it cannot be.

        Of an operation whose outcome is unknown there is no answer: all that it may have led to.
        """
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """``stopped_at`` is the operation at whose return no order was left, if there is none."""

    value: Literal["holds", "violated", "unknown"]
    steps: int
    stopped_at: Operation | None = None


def linearize(
    model: Model, operations: Sequence[Operation], *, steps_max: int = STEPS_MAX
) -> Search:
    """Search for an order; "unknown" once the steps of the model are spent.

    An operation whose outcome is unknown takes effect at any moment after it was invoked, or
    never; one that was killed not later. The budget is for all parts together. What a model raises
    is raised.
    """
    partition: Callable[[Sequence[Operation]], list[list[Operation]]] | None
    partition = getattr(model, "partition", None)
    steps = 0
    for part in partition(operations) if partition else [operations]:
        search = _linearize(model, part, steps, steps_max)
        steps = search.steps
        if search.value != "holds":
            return search
    return Search("holds", steps)


def _linearize(model: Model, operations: Sequence[Operation], steps: int, steps_max: int) -> Search:
    placed: set[Placed] = {(frozenset(), model.init())}
    pending: list[int] = []
    for returns, number in _events(operations):
        if not returns:
            pending.append(number)
            continue
        concerned = _concerned(model, operations, pending, number)
        placing = _Placing(model, operations, concerned, steps, steps_max)
        found = placing.until_placed(placed, number)
        steps = placing.steps
        if found is None:
            return Search("unknown", steps)
        if operations[number].outcome == "unknown":  # it need not have taken effect
            found |= {one for one in placed if number not in one[0]}
        if not found:
            return Search("violated", steps, operations[number])
        placed = found
        pending.remove(number)
    return Search("holds", steps)


def _concerned(
    model: Model, operations: Sequence[Operation], pending: list[int], number: int
) -> list[int]:
    """Of those that are pending the ones that this one needs before it, also by way of others."""
    needs: Callable[[Operation, Operation], bool] | None = getattr(model, "needs", None)
    if needs is None:
        return pending
    found, todo = {number}, [number]
    while todo:
        one = operations[todo.pop()]
        more = [n for n in pending if n not in found and needs(one, operations[n])]
        found.update(more)
        todo += more
    return [n for n in pending if n in found]


def _events(operations: Sequence[Operation]) -> Iterator[tuple[bool, int]]:
    """Invocations and responses by time; at one moment the responses that were waiting first."""
    events = [(operation.invoked_at, 1, number) for number, operation in enumerate(operations)]
    for number, operation in enumerate(operations):
        if not operation.may_go_on:
            at_once = operation.returned_at <= operation.invoked_at
            events.append((operation.returned_at, 2 if at_once else 0, number))
    return ((kind != 1, number) for _, kind, number in sorted(events))


@dataclass(slots=True)
class _Placing:
    """Puts pending operations in their places until a given one has its own."""

    model: Model
    operations: Sequence[Operation]
    pending: list[int]
    steps: int
    steps_max: int

    def until_placed(self, placed: set[Placed], number: int) -> set[Placed] | None:
        """What is left once the operation has returned; None if the steps are spent."""
        found: set[Placed] = set()
        seen, waiting = set(placed), list(placed)
        while waiting:
            before, state = waiting.pop()
            if number in before:
                found.add((before - {number}, state))
                continue
            for after in self._one_more(before, state):
                if self.steps > self.steps_max:
                    return None
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return found

    def _one_more(self, before: frozenset[int], state: Any) -> Iterator[Placed]:
        for number in self.pending:
            if number not in before:
                self.steps += 1
                for after in self.model.step(state, self.operations[number]) or ():
                    yield before | {number}, after
