"""A scenario that ends with crashes, run to the last of them, and what the board makes of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proofs.harness.execution import Execution
from proofs.harness.gates import Gates
from proofs.harness.persistence.changes import ChangeLog
from proofs.harness.persistence.crashes import Ended, find
from proofs.harness.persistence.recovery import Recovery
from proofs.harness.power_loss import PowerLoss, Restarts, recovered
from proofs.harness.trace import Step
from proofs.harness.turns import pattern_of
from proofs.harness.verdict import Verdict
from strategies.crashes import Crash, Model
from strategies.scenarios import Scenario

STATES_MAX = 1_000
RECOVERIES_MAX = 500


@dataclass(frozen=True, slots=True)
class Crashed:
    """``lines`` tell all effects up to each crash, and those of the last recovery.

    ``ended`` and ``recovery`` are None where ``missing``, one of the crashes, can be no more.
    """

    execution: Execution
    lines: tuple[str, ...]
    ended: Ended | None = None
    recovery: Recovery | None = None
    missing: Crash | None = None

    def broken(self, invariant: str) -> Verdict | None:
        """What convicts the board of this invariant."""
        broken = [] if self.recovery is None else self.recovery.broken
        return next((one for one in broken if one.invariant == invariant), None)


class Search(NamedTuple):
    """What was found, and how many crashes were tried for it."""

    found: tuple[Verdict, Ended] | None
    tried: int


def run_to_the_crash(scenario: Scenario, gates: Gates, restarts: Restarts) -> Crashed:
    """Run the scenario in threads, recorded, and end it as its crashes say."""
    execution = gates.run_recorded(scenario)
    assert execution.changes is not None
    lines: list[str] = []
    trace: Sequence[Step] = execution.trace
    log: ChangeLog | None = execution.changes
    ended: Ended | None = None
    recovery: Recovery | None = None
    for number, crash in enumerate(scenario.crashes, 1):
        assert log is not None
        found = find(crash, execution, trace, log, ended)
        if found is None:
            lines += _labels(trace)
            return Crashed(execution, tuple(lines), missing=crash)
        ended = found
        lines += [*_labels(trace[: found.moment.step]), f"crash {number}: model {crash.model}"]
        is_last = number == len(scenario.crashes)
        board = gates.board
        recovery = recovered(
            found, board.open, gates.root, board.promises, restarts, is_recorded=not is_last
        )
        trace, log = recovery.trace, recovery.log
    return Crashed(execution, (*lines, *_labels(trace)), ended, recovery)


def smallest_crash(
    execution: Execution,
    gates: Gates,
    restarts: Restarts,
    model: Model,
    invariant: str,
    recoveries_max: int | None = RECOVERIES_MAX,
) -> Search:
    """Of all crashes of a recorded execution the one that loses least and breaks this invariant.

    For S15 the recovery from each crash is cut off in turn.
    """
    if execution.stuck is not None or execution.changes is None or execution.changes.unseen:
        return Search(None, 0)
    losses = power_loss_of(gates, restarts, model, recoveries_max)
    losses.take(execution)
    if invariant != "S15":
        losses.recover_all(invariant, smallest_first=True)
        return Search(losses.found, losses.recoveries)
    tried = 0
    for after in sorted(losses.crashes(), key=lambda one: one.size):
        second = power_loss_of(gates, restarts, model, recoveries_max)
        if second.take_recovery(after):
            second.recover_all(invariant, smallest_first=True)
        tried += second.recoveries
        if second.found is not None:
            return Search(second.found, tried)
    return Search(None, tried)


def power_loss_of(
    gates: Gates,
    restarts: Restarts,
    model: Model,
    recoveries_max: int | None,
    states_max: int = STATES_MAX,
) -> PowerLoss:
    """Of the board of these gates."""
    board = gates.board
    return PowerLoss(
        board.open,
        gates.root,
        model,
        states_max,
        recoveries_max,
        promises=board.promises,
        restarts=restarts,
    )


def _labels(trace: Sequence[Step]) -> Iterator[str]:
    return (pattern_of(step.label()) for step in trace)
