"""A killed agent leaves a forked child alive: before whichever effect, nobody waits for its lock.

The agent is a real process that really forks and dies; its child has the open files of the moment
of the fork and lives on. Each operation of our board, until a call ends with no kill left to make.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from proofs.harness.proof import Conclusion
from proofs.proving import Concludes
from strategies.programs import ASKS

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
OPERATIONS = [name for name in ASKS if name != "advance"] if IS_DEEP else ["claim_next"]


def may_fork(effects: list[str]) -> Iterator[bool]:
    """Before which of these effects no fork has to wait: where the gate against forks is open."""
    is_open = True
    for effect in effects:
        yield is_open
        if "fork_gate" in effect:
            is_open = effect.startswith("unlock")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_child_of_a_killed_agent_keeps_nobody_from_the_board(
    operation: str, tmp_path: Path, concludes: Concludes
) -> None:
    command = [sys.executable, "-m", "proofs.workers.forking_agent", str(tmp_path), operation]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [one for one in told if one["wrong"]]
    assert not wrong, wrong
    children = sum(one["child"] for one in told)
    assert [one["child"] for one in told] == list(may_fork([one["effect"] for one in told]))
    words = (
        f"{len(told)} kills, before each effect of {operation} alone, {children} of them with a "
        "child that lives on; where there is none a fork waits for the lock file"
    )
    concludes(
        Conclusion(
            *("a killed agent's child", "TaskBoard", "processes", "holds", words),
            invariants=("L1",),
            extent="exhausted",
            bound={"kills": len(told), "children": children},
            executions=len(told),
        )
    )
