"""A kill at each effect of each operation: nothing is lost, and the others go on.

The agent is a worker process that really dies by SIGKILL. Another one then goes on with its
program: it looks for work, lets the lease of the dead one run out, and looks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proofs.harness.execution import Execution
from proofs.harness.proof import Proof, UnknownError
from proofs.pairs import pair_of
from proofs.proving import Proving, gates_of
from strategies.faults import KILL, Fault
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

KILLS_MAX = 500
"""So many effects no operation has; ours have up to 70."""

WORK = ("claim_next", "complete")
AFTERWARDS = (*WORK, "advance", *WORK, "claim_next", "list_all")


def test_a_kill_at_each_effect_of_each_operation_breaks_no_promise(proving: Proving) -> None:
    if "processes" not in gates_of(proving.config):
        pytest.skip("not applicable: only a process can be killed")
    names = [name for name in proving.board.asks if name != "advance"]
    kills = 0
    left: dict[str, set[str]] = {}
    with proving.proof("processes") as proof:
        for name in names:
            scenario = scenario_of(proof, name)
            plain = proof.examine(scenario)
            for execution in killed_at_each_effect(proof, plain):
                kills += 1
                if leftovers(execution, plain):
                    left[f"{name}: {execution.scenario.faults[0]}"] = leftovers(execution, plain)
        proof.extent = "exhausted"
        proof.space = f"{kills:,} kills, before each effect of {len(names)} operations alone"
    assert not left, f"R1: what a killed agent leaves, the next one who writes clears: {left}"


def killed_at_each_effect(proof: Proof, plain: Execution) -> Iterator[Execution]:
    """The agent killed before the first effect of its last call, before the second, and so on.

    Until a run ends with no kill made. Raises what ``Proof.examine`` does.
    """
    own = [step.effect.kind for step in plain.trace if step.agent == "a1"]
    before = len(own) - own[::-1].index("call")
    for number in range(before + 1, before + KILLS_MAX):
        fault = Fault("a1", "before", "*", number, KILL)
        execution = proof.examine(replace(plain.scenario, faults=(fault,)))
        if not any(step.effect.kind == KILL for step in execution.trace):
            return
        yield execution
    raise UnknownError(f"a call has more than {KILLS_MAX} effects, and was not exhausted")


def scenario_of(proof: Proof, name: str) -> Scenario:
    """One agent that does this last, on two tasks, and another one afterwards."""
    board = proof.gates.board
    pair = pair_of((name, name), 1, board.asks)
    then = tuple(
        Ask(ask, seconds=board.promises.lease_seconds) if ask == "advance" else Ask(ask)
        for ask in AFTERWARDS
        if ask in board.asks
    )
    second = PostedTask("t2", created_at=pair.tasks[0].created_at + 1)
    return Scenario((*pair.tasks, second), (pair.programs[0], ("a2", then)))


def leftovers(execution: Execution, plain: Execution) -> set[str]:
    """What is there that is not without the kill, but for whole tasks.

    Those may be on the board still, or put away under two names.
    """
    tasks = {f"{task.task_id}.json" for task in execution.scenario.tasks}
    left = set(execution.files).difference(plain.files, tasks)
    return {name for name in left if not name.startswith(".archive/")}
