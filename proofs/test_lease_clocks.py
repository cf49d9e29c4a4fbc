"""A lease may go by any clock of the machine: nobody is convicted for the one that it chose.

Clocks of agents are apart, file times are coarse. Under the profile ``proofs-fuzz`` it is 20 seeds
and 1,000 executions a board and gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from proofs.harness.checkers import check
from proofs.harness.execution import Execution
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import violations
from proofs.safe_boards import lease_by_file_time, lease_by_monotonic_clock, lease_by_wall_clock
from proofs.sampling import each_drawn
from strategies.clocks import clocks_apart
from strategies.scenarios import Scenario, scenarios

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
SEEDS: Final = range(20) if IS_DEEP else range(1)
EXECUTIONS: Final = {
    "threads": 1_000 if IS_DEEP else 20,
    "processes": 1_000 if IS_DEEP else 8,
}
_NAMES: Final = ("claim_next", "claim", "renew", "release", "complete", "advance", "get_pending")


class HastyByMonotonicClock(lease_by_monotonic_clock.Board):
    """Takes a claim over after half of its lease."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path, 1800.0)


class HastyByFileTime(lease_by_file_time.Board):
    """Takes a claim over after half of its lease."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path, 1800.0)


class HastyByWallClock(lease_by_wall_clock.Board):
    """Takes a claim over after half of its lease."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(storage_path, 1800.0)


BOARDS: Final = [
    lease_by_monotonic_clock.Board,
    lease_by_file_time.Board,
    lease_by_wall_clock.Board,
]
HASTY: Final = [HastyByMonotonicClock, HastyByFileTime, HastyByWallClock]


@st.composite
def clocks_are_apart(draw: st.DrawFn) -> Scenario:
    """Claims and time that passes, by clocks that are apart."""
    scenario = draw(scenarios(agents_max=3, tasks_max=2, names=_NAMES))
    return replace(scenario, clock=draw(clocks_apart(scenario.agents)))


UNTIL_FOUND: Final = 200
"""So many are drawn at most; some ten are enough."""

TAKES_OVER: Final = scenarios(tasks_max=1, names=("claim_next", "advance"))


def examined(
    kind: type,
    gate: GateName,
    root: Path,
    drawn: st.SearchStrategy[Scenario],
    look: Callable[[ProvenBoard, Execution], None],
    executions: int,
) -> None:
    """Run such scenarios on a board of this kind, and look at each execution."""
    board = ProvenBoard.named(f"{kind.__module__}:{kind.__name__}")
    with Gates(board, root) as gates:
        for number in SEEDS:
            each_drawn(
                drawn,
                lambda scenario: look(board, gates.run(scenario, gate)),
                by=number,
                examples=executions,
            )


def must_hold(board: ProvenBoard, execution: Execution) -> None:
    found = violations(check(execution, board.promises))
    assert not found, (found, execution.scenario)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("kind", BOARDS, ids=lambda kind: kind.__module__.rpartition(".")[2])
def test_no_clock_that_a_lease_may_go_by_convicts_a_board(
    kind: type, gate: GateName, tmp_path: Path
) -> None:
    examined(kind, gate, tmp_path / "board", clocks_are_apart(), must_hold, EXECUTIONS[gate])


@pytest.mark.parametrize(
    ("kind", "gate"),
    [
        pytest.param(kind, gate, id=f"{kind.__name__} in {gate}")
        for kind in HASTY
        for gate in (GATES if IS_DEEP or kind is HastyByFileTime else GATES[:1])
    ],
)
def test_a_claim_that_is_taken_over_at_half_its_lease_is_convicted_by_any_clock(
    kind: type, gate: GateName, tmp_path: Path
) -> None:
    class FoundError(Exception):
        pass

    def note(board: ProvenBoard, execution: Execution) -> None:
        found = violations(check(execution, board.promises))
        if "S4" in {verdict.invariant for verdict in found}:
            raise FoundError

    with pytest.raises(FoundError):
        examined(kind, gate, tmp_path / "board", TAKES_OVER, note, UNTIL_FOUND)
