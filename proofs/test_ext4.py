"""Model E allows what a real ext4 does: images that are copied after each change, and mounted.

A copy holds what the file system has written, as after a power loss; its journal is replayed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from proofs.ext4_image import ext4
from proofs.harness.disk import crash_states
from proofs.harness.interception import interception
from proofs.harness.persistence.changes import ROOT, ChangeLog, DirectoryState, Synced, Written
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.proof import Conclusion
from proofs.proving import Concludes
from proofs.test_broken_boards import IS_DEEP
from proofs.test_disk import NEW, OLD, TEMPORARY, TEMPORARY_WRITTEN, log_of, renamed
from proofs.test_power_loss import ALONE, board, scenario_of
from strategies.scenarios import PostedTask

_REPLACED: Final = (*TEMPORARY_WRITTEN, renamed("tmp", "t1", TEMPORARY, over=True), Synced(ROOT))

MEASURED: Final[dict[str, tuple[ChangeLog, tuple[tuple[str, bytes], ...]]]] = {
    "renamed to a new name, only the directory synced": (
        log_of(*TEMPORARY_WRITTEN, renamed("tmp", "t1", TEMPORARY), Synced(ROOT)),
        (("t1", b""),),
    ),
    "only the file synced": (
        log_of(*TEMPORARY_WRITTEN, Synced(TEMPORARY), renamed("tmp", "t1", TEMPORARY)),
        (("tmp", NEW),),
    ),
    "renamed over a name, only the directory synced": (
        log_of(*_REPLACED, there={"t1": OLD}),
        (("t1", NEW),),
    ),
    "written, then given its size, only the directory synced": (
        log_of(*TEMPORARY_WRITTEN, Written(TEMPORARY, NEW + b"\0", sized=True), Synced(ROOT)),
        (("tmp", bytes(len(NEW) + 1)),),
    ),
    "written in place, only the directory synced": (
        log_of(*TEMPORARY_WRITTEN, Synced(ROOT)),
        (("tmp", b""),),
    ),
}


@pytest.mark.parametrize("name", MEASURED)
def test_a_real_ext4_leaves_the_least_that_the_model_allows(name: str, tmp_path: Path) -> None:
    log, expected = MEASURED[name]
    assert [state.files for state in survivors(log, tmp_path)][-1] == expected


@pytest.mark.parametrize(
    "operation", ["post", "complete", *(["cancel", "fail"] if IS_DEEP else [])]
)
def test_what_a_real_ext4_leaves_of_an_operation_is_allowed_by_the_model(
    operation: str, tmp_path: Path, concludes: Concludes
) -> None:
    program, _ = ALONE[operation]
    with interception():
        scenario = scenario_of((program,), (PostedTask("t1"),))
        _, log = run_recorded(scenario, board, tmp_path / "board")
    found = survivors(log, tmp_path)
    assert len(set(found)) >= 3, "the power must fail at more than one moment that matters"
    words = f"{operation}: what an image held after each change is allowed by model E"
    concludes(
        Conclusion(
            *(f"a real ext4 and {operation}", "TaskBoard", "threads", "holds", words),
            invariants=("S8",),
            bound={"images": len(found)},
            executions=1,
        )
    )


def survivors(log: ChangeLog, folder: Path) -> list[DirectoryState]:
    """What is left of an image after each change, each of which model E must allow."""
    found: list[DirectoryState] = []
    with ext4(folder) as image:
        image.begin(log)
        for at, change in enumerate(log.changes, 1):
            image.do(change, log)
            state = image.after_power_loss()
            allowed = crash_states(log, at, "E", states_max=1_000_000)
            assert allowed.exhausted
            assert state in allowed.states, f"after {change}: {state}"
            found.append(state)
    return found
