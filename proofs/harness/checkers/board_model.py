"""All tasks of a board together: the model for ``claim_next``, which looks at every one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from proofs.harness.checkers.evidence import may_have_granted_any, task_of
from proofs.harness.checkers.task_model import TaskModel, TaskState
from proofs.harness.history import Operation

BoardState = tuple[TaskState, ...]


@dataclass(frozen=True)
class BoardModel:
    """``tasks`` by id, each with its model and its place in the order of grants.

    None is answered only where nothing had to be found. ``in_order`` demands as well that what
    is granted comes first at that moment; S17 is less than that.
    """

    tasks: dict[str, TaskModel]
    places: dict[str, tuple[Any, ...]]
    in_order: bool = False

    def init(self) -> BoardState:
        """Each task as it was before."""
        return tuple(model.init() for model in self.tasks.values())

    def needs(self, one: Operation, other: Operation) -> bool:
        """Whether the other may have to come first: they concern one task, or one looks at all.

        What is put away was ended before, so whoever looks for work passes it over in either case;
        but it may be a look for work that ended it, so that it can be put away.
        """
        if task_of(one) == task_of(other) or any(model.without for model in self.tasks.values()):
            return True
        if one.name == "claim_next":
            return other.name != "prune"
        return other.name == "claim_next"

    def step(self, state: BoardState, operation: Operation) -> Iterator[BoardState]:
        """One task changes, if any; what a look for work finds depends on all."""
        if operation.name != "claim_next":
            yield from self._step(state, operation)
            return
        found = (
            model.used_up_or_not(one, operation)
            for model, one in zip(self.tasks.values(), state, strict=True)
        )
        for start in product(*found):
            yield from self._step(start, operation)

    def _step(self, state: BoardState, operation: Operation) -> Iterator[BoardState]:
        if operation.name == "claim_next" and operation.outcome == "refused":
            if not any(
                self._must_be_claimable(state, task_id, operation) for task_id in self.tasks
            ):
                yield state
            return
        for task_id in self.tasks if may_have_granted_any(operation) else [task_of(operation)]:
            if task_id is not None and self._is_in_order(state, task_id, operation):
                yield from self._changed(state, task_id, operation)

    def _changed(
        self, state: BoardState, task_id: str, operation: Operation
    ) -> Iterator[BoardState]:
        place = list(self.tasks).index(task_id)
        for after in self.tasks[task_id].step(state[place], operation):
            yield (*state[:place], after, *state[place + 1 :])

    def _must_be_claimable(self, state: BoardState, task_id: str, operation: Operation) -> bool:
        place = list(self.tasks).index(task_id)
        return self.tasks[task_id].must_be_claimable(state[place], operation)

    def _is_in_order(self, state: BoardState, task_id: str, operation: Operation) -> bool:
        if not self.in_order or operation.name != "claim_next":
            return True
        return not any(
            self.places[other] < self.places[task_id]
            and self._must_be_claimable(state, other, operation)
            for other in self.tasks
            if other in self.places and task_id in self.places
        )
