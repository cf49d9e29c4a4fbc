"""An agent that is killed really dies, and its locks with it; the others go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from proofs.harness.determinism import compare
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.struck_runs import (
    BASE,
    REPLACE,
    SCENARIO,
    WRITE,
    answers,
    faults_of,
    labels_of,
    run,
    struck,
)
from strategies.faults import KILL, Fault
from strategies.interleavings import Interleaving


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with Gates(ProvenBoard.named(BASE), tmp_path_factory.mktemp("run") / "board") as gates:
        yield gates


@pytest.fixture
def kill() -> Fault:
    return Fault("a1", "before", REPLACE, 1, KILL)


def test_a_killed_agent_really_dies_and_the_others_go_on(gates: Gates, kill: Fault) -> None:
    run(gates, "processes")
    assert gates._processes is not None
    first, second = gates._processes.pids[:2]
    execution = run(gates, "processes", kill)
    assert not is_there(first) and is_there(second)
    closes = "which closes .board.lock"
    assert faults_of(execution) == [f"a1: SIGKILL before {REPLACE}, {closes}"]
    assert answers(execution) == ["a1 claim_next: killed", "a2 claim_next: t1 token 1"]
    assert execution.history.operations[0].outcome == "unknown"
    assert execution.stuck is None and ".t1.*.tmp" in execution.files
    compare(execution, run(gates, "processes", kill))
    compare(execution, gates.run(execution.scenario, "processes", guarded=True))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_who_waits_for_the_lock_of_a_killed_agent_gets_it(gates: Gates, kill: Fault) -> None:
    killed = f"SIGKILL before {REPLACE}, which closes .board.lock"
    stops = (("a1", killed, 1), ("a2", None, 0))
    scenario = replace(SCENARIO, interleaving=Interleaving("stops", stops=stops))
    execution = run(gates, "processes", kill, scenario=scenario)
    assert "a2: flock exclusive .board.lock (waits)" in labels_of(execution, "a2")
    assert answers(execution) == ["a1 claim_next: killed", "a2 claim_next: t1 token 1"]


def test_a_kill_in_the_middle_of_a_write_leaves_half_of_it(gates: Gates) -> None:
    execution = run(gates, "processes", Fault("a1", "middle", WRITE, 1, KILL))
    assert faults_of(execution) == [
        f"a1: {WRITE} (fault middle: cut short)",
        f"a1: SIGKILL amid {WRITE}, which closes .board.lock -> .t1.*.tmp",
    ]
    torn = next(gates.root.glob(".t1.*.tmp")).read_text()
    assert 0 < len(torn) < len((gates.root / "t1.json").read_text())


def test_all_agents_may_be_killed_and_nobody_asks_for_more(gates: Gates) -> None:
    faults = [Fault(name, "before", "call *", 1, KILL) for name in ("a1", "a2")]
    execution = run(gates, "processes", *faults)
    assert len(struck(execution)) == 2 and answers(execution) == []
    assert execution.final is not None and len(execution.final) == 2


def test_a_thread_cannot_be_killed_and_the_gate_says_so(gates: Gates, kill: Fault) -> None:
    with pytest.raises(NotApplicableError, match="a1 is killed, so it must be a process"):
        run(gates, "threads", kill)
