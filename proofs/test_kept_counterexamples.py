"""What is kept of each broken board is small: nothing of it can be left out.

In each run a few of them, all under the profile ``proofs-fuzz``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.harness.conviction import violation
from proofs.harness.counterexample import load
from proofs.harness.gates import Gates
from proofs.harness.minimise import REPLAYS_MAX, minimise, size
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.planted_bugs import KEPT

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
FOUND = sorted(
    path
    for path in KEPT.glob("*.json")
    if (one := load(path)).expect == "violated" and not one.scenario.crashes
)
"""Those of a crash are made small by other means, which test_planted_crashes tries."""


@pytest.mark.parametrize("path", FOUND if IS_DEEP else FOUND[::20], ids=lambda path: path.stem)
def test_nothing_can_be_left_out_of_a_kept_counterexample(path: Path, tmp_path: Path) -> None:
    kept = load(path)
    with Gates(ProvenBoard.named(kept.board), tmp_path / "board") as gates:
        again = replay(kept, gates)
        execution, run = again.execution, partial(gates.run, gate=again.gate)
        made = minimise(
            execution, run, lambda found: violation(found, gates, kept.invariant) is not None
        )
        assert made.replays < REPLAYS_MAX, "not all that is smaller was tried"
        assert size(made.execution) == size(execution), made.execution.scenario
