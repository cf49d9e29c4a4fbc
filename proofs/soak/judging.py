"""A round before the judges: the same that judge what ran at a gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from proofs.harness.checkers import LEAK, Promises, check
from proofs.harness.checkers.evidence import GRANTS, RETURNS, task_of
from proofs.harness.execution import Execution, LeftRunning
from proofs.harness.history import History, Operation
from proofs.harness.verdict import Verdict, not_applicable
from strategies.scenarios import PostedTask, Scenario

STEPS_MAX: Final = 20_000
"""Of each search for an order: some two seconds. Where a board raises again and again, so that any
order may be, a whole soak would else go by on one round."""
FILE_TICK_SECONDS: Final = 0.01
"""By how much the times of files may lag behind the clock: a tick of a kernel that has 100 a
second, the coarsest that is built."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What agents were seen to do to a board that nobody controlled. ``has_parts``: see ``Played``.

    ``lease_seconds`` is the lease that claims had.
    """

    tasks: tuple[PostedTask, ...]
    operations: tuple[Operation, ...]
    lease_seconds: float
    final: list[dict[str, Any]] | None = None
    lacking: frozenset[str] = frozenset()
    has_parts: frozenset[str] = frozenset()
    stuck: str | None = None
    unseen: tuple[str, ...] = ()


def judge(witnessed: Witnessed, promises: Promises) -> list[Verdict]:
    """One verdict for each invariant that a history alone can show.

    What time tells is judged by intervals: a call took effect between the reading of the clock
    before it and the one after it, and a claim has lapsed only if it has by all of these. Raises
    ``Disagreement``, a fault of ours.
    """
    told = replace(promises, lease_seconds=witnessed.lease_seconds)
    verdicts = check(_execution(witnessed, promises), told, steps_max=STEPS_MAX)
    words = "nobody looked what was left open"
    return [not_applicable(LEAK, words) if v.invariant == LEAK else v for v in verdicts]


def _execution(witnessed: Witnessed, promises: Promises) -> Execution:
    tick = 0.0 if promises.clock == "wall" else FILE_TICK_SECONDS
    operations = [replace(o, started=o.started - tick) for o in witnessed.operations]
    # What renews a claim behind the agent's back makes nobody know when it lapses.
    parts = {agent: [LeftRunning(agent, "thread", "")] for agent in witnessed.has_parts}
    return Execution(
        Scenario(witnessed.tasks, ()),
        History([task.to_json() for task in witnessed.tasks], operations),
        [],
        witnessed.stuck,
        witnessed.lacking,
        witnessed.final,
        {},
        running=parts,
        unseen=witnessed.unseen,
    )


def takeovers(operations: tuple[Operation, ...]) -> int:
    """How often a task was granted again though nobody had given it back: it had lapsed."""
    by_task: dict[str | None, list[Operation]] = {}
    for operation in operations:
        if operation.name in GRANTS | RETURNS and operation.outcome == "ok":
            by_task.setdefault(task_of(operation), []).append(operation)
    return sum(
        first.name in GRANTS and second.name in GRANTS
        for found in by_task.values()
        for first, second in pairwise(found)
    )


def overlapping(operations: tuple[Operation, ...]) -> int:
    """How many calls began while one of another agent was under way."""
    until: dict[str, int] = {}
    found = 0
    for operation in operations:
        found += any(
            end > operation.invoked_at for agent, end in until.items() if agent != operation.agent
        )
        until[operation.agent] = max(until.get(operation.agent, 0), operation.returned_at)
    return found
