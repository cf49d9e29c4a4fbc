"""What is kept of each broken board is small: nothing of it can be left out.

In each run those of crashes and a few others, all under the profile ``proofs-fuzz``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.harness.conviction import violation
from proofs.harness.counterexample import load
from proofs.harness.crash_replay import smallest_crash
from proofs.harness.gates import Gates
from proofs.harness.minimise import REPLAYS_MAX, minimise, size
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.planted_bugs import KEPT
from proofs.power_loss import fast_root
from proofs.restarts import restarted
from strategies.crashes import Crash

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
FOUND = sorted(path for path in KEPT.glob("*.json") if load(path).expect == "violated")
CRASHED = [path for path in FOUND if load(path).scenario.crashes]
UNCRASHED = [path for path in FOUND if path not in CRASHED]


@pytest.mark.parametrize(
    "path", UNCRASHED if IS_DEEP else UNCRASHED[::20], ids=lambda path: path.stem
)
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


@pytest.mark.parametrize("path", CRASHED, ids=lambda path: path.stem)
def test_nothing_can_be_left_out_of_what_is_kept_of_a_crash(path: Path, tmp_path: Path) -> None:
    """Neither of what came before it nor of what is lost by it."""
    kept = load(path)
    scenario, crashes = replace(kept.scenario, crashes=()), kept.scenario.crashes
    with fast_root(tmp_path) as root, Gates(ProvenBoard.named(kept.board), root) as gates:
        smallest = partial(
            smallest_crash,
            gates=gates,
            restarts=restarted,
            model=crashes[-1].model,
            invariant=kept.invariant,
        )
        execution = gates.run_recorded(scenario)
        made = minimise(execution, gates.run_recorded, lambda run: smallest(run).found is not None)
        assert made.replays < REPLAYS_MAX, "not all that is smaller was tried"
        assert size(made.execution) == size(execution), made.execution.scenario
        found = smallest(execution).found
    assert found is not None
    assert lost_in(one.named() for one in found[1].all) == lost_in(crashes)


def lost_in(crashes: Iterable[Crash]) -> list[int]:
    """How much is lost by each."""
    return [len(crash.lost) for crash in crashes]
