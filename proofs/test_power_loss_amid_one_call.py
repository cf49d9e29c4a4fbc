"""A loss of power amid one call that takes a board in a state of its own (see ``one_call``).

What a file is moved to, quarantine or the board, is one of the two places at every moment; and a
board goes on from all that each model allows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from proofs.error_matrix import BOARD, alone
from proofs.harness.disk import MODELS, Model
from proofs.harness.execution import Execution
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.persistence.recovery import JUDGED
from proofs.harness.power_loss import PowerLoss
from proofs.harness.proof import Conclusion, Extent
from proofs.harness.proven_board import ProvenBoard
from proofs.moving_losses import QUARANTINE, losses_by_model, moving_losses
from proofs.one_call import KEPT_BOARD, SPECIAL, UPKEEP
from proofs.proving import Concludes
from proofs.restarts import restarted
from proofs.test_broken_boards import IS_DEEP
from proofs.test_power_loss import INDEX, without_sync_of_directories

pytestmark = pytest.mark.usefixtures("open_doors")

STATES_MAX: Final = 1_000 if IS_DEEP else 20
RECOVERIES_MAX: Final = 2_000 if IS_DEEP else 8

MOVED: Final = {
    "claim_next (damaged)": ("t1.json", QUARANTINE),
    "restore": (f"{QUARANTINE}000001/n1.json", "n1.json"),
}
"""From where, and to where: a path, or how it begins."""

OTHERS: Final = [name for name in (*SPECIAL, *UPKEEP) if name != "claim_next (damaged)"]
"""To a recovery any damaged file is the fault of the crash."""

RECOVERED: Final = OTHERS if IS_DEEP else ["open (no board)", "claim_next (used up)", "restore"]


@pytest.fixture
def root(memory: Path) -> Path:
    return memory / "board"


def board_of(call: str) -> ProvenBoard:
    return ProvenBoard.named(KEPT_BOARD if call in UPKEEP else BOARD)


def recorded(call: str, root: Path) -> Execution:
    board = board_of(call)
    return run_recorded(alone(board, call), board.open, root)[0]


@pytest.mark.parametrize("call", MOVED)
def test_a_file_that_is_moved_to_quarantine_or_back_is_nowhere_lost(
    call: str, root: Path, concludes: Concludes
) -> None:
    found = losses_by_model(recorded(call, root), *MOVED[call], STATES_MAX)
    assert not any(found.values()), found
    words = f"{call}: the file is whole at every moment in K E W S, and stays where it was moved to"
    told = Conclusion(f"{call} and power loss", "TaskBoard", "threads", "holds", words)
    concludes(replace(told, invariants=("S8", "S12"), executions=1))


@pytest.mark.parametrize("call", MOVED)
def test_a_move_without_a_sync_of_directories_is_convicted(
    call: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sync_of_directories(monkeypatch)
    execution, (old, new) = recorded(call, root), MOVED[call]
    assert not list(moving_losses(execution, "K", old, new))
    assert f"neither there nor below {new}" in next(moving_losses(execution, "W", old, new))


@pytest.mark.parametrize("model", MODELS if IS_DEEP else ["E"])
@pytest.mark.parametrize("call", RECOVERED)
def test_a_board_goes_on_after_a_power_loss_amid_a_call_in_a_state_of_its_own(
    call: str, model: Model, root: Path, concludes: Concludes
) -> None:
    proof = PowerLoss(
        *(board_of(call).open, root, model, STATES_MAX, RECOVERIES_MAX),
        forgotten=None if model == "K" else INDEX,
        restarts=restarted,
        has_one_counter=True,
    )
    proof.take(recorded(call, root))
    proof.recover_all()
    assert proof.found is None, f"{proof.found[0]}\n{proof.found[1].state}"
    name = f"{call} and power loss, {model}"
    told = Conclusion(name, "TaskBoard", "threads", "holds", f"{call}; {proof.words()}")
    extent: Extent = "sampled" if proof.is_sampled else "exhausted"
    concludes(replace(told, invariants=JUDGED, extent=extent, executions=proof.executions))
