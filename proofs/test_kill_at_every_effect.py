"""A kill at each effect of each operation: nothing is lost, and the others go on.

The agent is a worker process that really dies by SIGKILL. Another one then goes on with its
program: it looks for work, lets the lease of the dead one run out, and looks again. It does so
afterwards, or in every interleaving with at most one preemption: amid its own call, or before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import settings

from proofs.harness.execution import Execution
from proofs.harness.exhaustive import explore
from proofs.harness.matrix import Trial, cells_of_trials
from proofs.harness.proof import Proof
from proofs.harness.verdict import UnknownError
from proofs.one_call import scenario_of
from proofs.proving import OUR_BOARD, Proving, gates_of
from strategies.faults import KILL, Fault
from strategies.interleavings import Interleaving
from strategies.programs import ASKS

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
KILLS_MAX = 500
"""So many effects no operation has; ours have up to 70."""

ALONE = frozenset(ASKS) - {"advance"} if IS_DEEP else frozenset({"post", "claim_next"})
"""The operations amid which an agent is killed; all of them under the profile ``proofs-fuzz``."""

MEANWHILE = ("claim_next", "advance", "claim_next") if IS_DEEP else ("claim_next",)


def test_a_kill_at_each_effect_of_each_operation_breaks_no_promise(proving: Proving) -> None:
    if "processes" not in gates_of(proving.config):
        pytest.skip("not applicable: only a process can be killed")
    names = [name for name in proving.board.asks if name in ALONE]
    kills = 0
    left: dict[str, set[str]] = {}
    trials: list[Trial] = []
    with proving.proof("processes") as proof:
        for name in names:
            scenario = scenario_of(proof.gates.board, name)
            plain = proof.examine(scenario)
            for execution in killed_at_each_effect(proof, plain):
                kills += 1
                trials.append(trial_of(name, execution))
                if leftovers(execution, plain):
                    left[f"{name}: {execution.scenario.faults[0]}"] = leftovers(execution, plain)
        proof.extent = "exhausted"
        what = ", ".join(names) if len(names) < 5 else f"{len(names)} operations"
        proof.space = f"{kills:,} kills, before each effect of {what} alone"
        proof.cells += cells_of_trials("kills", trials)
    if proving.board.text == OUR_BOARD:  # others do not promise it
        assert not left, f"R1: what a killed agent leaves, the next one who writes clears: {left}"


def test_a_kill_while_another_agent_is_amid_its_own_call_breaks_no_promise(
    proving: Proving,
) -> None:
    if "processes" not in gates_of(proving.config):
        pytest.skip("not applicable: only a process can be killed")
    asks = [name for name in proving.board.asks if name != "advance"]
    names = asks if IS_DEEP else [name for name in asks if name in ("claim_next", "claim")][:1]
    kills = 0
    with proving.proof("processes") as proof:
        run = partial(proof.gates.run, gate=proof.gate)
        for name in names:
            plain = proof.examine(scenario_of(proof.gates.board, name, MEANWHILE))
            for execution in killed_at_each_effect(proof, plain, stride=1 if IS_DEEP else 16):
                begun = replace(execution.scenario, interleaving=up_to_the_last_call(plain))
                exploration = explore(begun, run, preemptions_max=1)
                for interleaved in exploration:
                    proof.take(interleaved)
                kills += 1
        proof.extent = "exhausted" if IS_DEEP else "sampled"
        which = "each" if IS_DEEP else "each sixteenth"
        proof.space = (
            f"{kills:,} kills, before {which} effect of {', '.join(names)} beside another agent, "
            "every interleaving with at most one preemption"
        )


def trial_of(name: str, execution: Execution) -> Trial:
    """A kill that broke no promise, by the kind of the effect that it came before."""
    killed = next(step.effect for step in execution.trace if step.effect.kind == KILL)
    when, kind = killed.detail.split(" ")[:2]
    return Trial(name, f"{when} {kind}", "holds")


def up_to_the_last_call(plain: Execution) -> Interleaving:
    """The agent to be killed does all that comes before."""
    own = [step.effect.kind for step in plain.trace if step.agent == "a1"]
    return Interleaving("turns", turns=(("a1", len(own) - 1 - own[::-1].index("call")),))


def killed_at_each_effect(
    proof: Proof, plain: Execution, *, stride: int = 1
) -> Iterator[Execution]:
    """The agent killed before the first effect of its last call, before the second, and so on.

    Until a run ends with no kill made; ``stride`` leaves some out. Raises what ``examine`` does.
    """
    own = [step.effect.kind for step in plain.trace if step.agent == "a1"]
    before = len(own) - own[::-1].index("call")
    for number in range(before + 1, before + KILLS_MAX, stride):
        fault = Fault("a1", "before", "*", number, KILL)
        execution = proof.examine(replace(plain.scenario, faults=(fault,)))
        if not any(step.effect.kind == KILL for step in execution.trace):
            return
        yield execution
    raise UnknownError(f"a call has more than {KILLS_MAX} effects, and was not exhausted")


def leftovers(execution: Execution, plain: Execution) -> set[str]:
    """What is there that is not without the kill, but for whole tasks.

    Those may be on the board still, or put away under two names.
    """
    tasks = {f"{task.task_id}.json" for task in execution.scenario.tasks}
    left = set(execution.files).difference(plain.files, tasks)
    return {name for name in left if not name.startswith(".archive/")}
