"""The fewest preemptions that show a violation, found by trying every interleaving with fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from proofs.harness.execution import Execution
from proofs.harness.exhaustive import explore
from proofs.harness.minimise import minimise
from proofs.harness.trace import preemptions
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario

EXECUTIONS_MAX = 500


@dataclass(frozen=True, slots=True)
class Smallest:
    """``replays`` counts all runs that it took; ``is_proven`` tells whether every interleaving of
    the scenario with fewer preemptions was tried, and shows nothing.
    """

    execution: Execution
    replays: int
    is_proven: bool


def with_fewest_preemptions(
    execution: Execution,
    run: Callable[[Scenario], Execution],
    violates: Callable[[Execution], bool],
) -> Smallest:
    """Minimise an execution on its trace, then look for one with fewer preemptions, and so on.

    Minimising takes away one thing at a time and may stop short: another order of the same calls
    may need less. ``run`` must be deterministic.
    """
    small = minimise(execution, run, violates)
    replays = small.replays
    while True:
        fewer, tried, exhausted = _with_fewer(small.execution, run, violates)
        replays += tried
        if fewer is None:
            return Smallest(small.execution, replays, exhausted)
        small = minimise(fewer, run, violates)
        replays += small.replays


def _with_fewer(
    execution: Execution,
    run: Callable[[Scenario], Execution],
    violates: Callable[[Execution], bool],
) -> tuple[Execution | None, int, bool]:
    """An execution with fewer preemptions that violates; how many were run; if that was all."""
    scenario = replace(execution.scenario, interleaving=Interleaving())
    most, tried, exhausted = preemptions(execution.trace) - 1, 0, True
    for count in range(most + 1):
        exploration = explore(
            scenario, run, preemptions_max=count, executions_max=EXECUTIONS_MAX - tried
        )
        found = next(filter(violates, exploration), None)
        tried += exploration.executions
        if found is not None:
            return found, tried, True
        exhausted = exploration.exhausted
    return None, tried, exhausted
