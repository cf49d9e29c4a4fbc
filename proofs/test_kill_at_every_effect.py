"""A kill at each effect of each operation: nothing is lost, and the others go on.

The agent is a worker process that really dies by SIGKILL. Another one then goes on with its
program: it looks for work, lets the lease of the dead one run out, and looks again. Among the calls
are those that take a board in a state of its own (see ``one_call``). Beside the one
that is killed there may be another one with a call of its own, in every interleaving with at most
one preemption: the two are amid their calls, and the kill comes before, between or after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from proofs.harness.execution import Execution
from proofs.harness.exhaustive import explore, up_to_the_last_calls
from proofs.harness.matrix import Trial, cells_of_trials
from proofs.harness.proof import Proof
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import UnknownError
from proofs.one_call import KEPT_BOARD, ONE, SPECIAL, calls_of, lost_by, scenario_of
from proofs.pairs import pair_of
from proofs.proving import OUR_BOARD, Proving, gates_of
from strategies.faults import KILL, Fault
from strategies.programs import ASKS, Ask
from strategies.scenarios import Scenario

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
KILLS_MAX = 500
"""So many effects no operation has; ours have up to 121."""

ALONE = frozenset(ASKS) - {"advance"} if IS_DEEP else frozenset({"post", "claim_next"})
"""The operations amid which an agent is killed; all of them under the profile ``proofs-fuzz``."""

STRIDE = 1 if IS_DEEP else 16
"""Of the effects of other calls each sixteenth; all of them under the profile ``proofs-fuzz``."""

PARTNERS = ("claim_next", "complete", "cancel", "post", "prune", "list_all")
"""What the other one does: a look for work, a change of a task of its own and of the same one, a
new task, a task put away, a look that takes no lock. All else has the effects of one of these."""

LATER = ("advance", "claim_next", "complete", "claim_next", "list_all")
LAST = "a3"
"""Who goes on when both are done. It posts in the end: only who writes clears what was left."""
NEW_TASK = Ask("post", "n9", fenced=False)


def test_a_kill_at_each_effect_of_each_operation_breaks_no_promise(
    proving: Proving, memory: Path
) -> None:
    names = [name for name in proving.board.asks if name in ALONE]
    kill_amid(names, proving, memory)


def test_a_kill_at_each_effect_of_a_call_in_a_state_of_its_own_breaks_no_promise(
    proving: Proving, memory: Path
) -> None:
    names = [name for name in calls_of(proving.board) if name in SPECIAL]
    kill_amid(names, proving, memory, stride=STRIDE)


def test_a_kill_at_each_effect_of_what_a_person_asks_breaks_no_promise(
    proving: Proving, memory: Path
) -> None:
    if proving.board.text != OUR_BOARD:
        pytest.skip("not applicable: a call of our board alone")
    proving.board = ProvenBoard.named(KEPT_BOARD)
    kill_amid(calls_of(proving.board), proving, memory, stride=STRIDE)


def kill_amid(names: Sequence[str], proving: Proving, memory: Path, *, stride: int = 1) -> None:
    """A proof of all kills amid these calls, or of each ``stride``-th."""
    if "processes" not in gates_of(proving.config):
        pytest.skip("not applicable: only a process can be killed")
    kills = 0
    left: dict[str, set[str]] = {}
    trials: list[Trial] = []
    with proving.proof("processes", root=memory) as proof:
        for name in names:
            scenario = scenario_of(proof.gates.board, name)
            plain = proof.examine(scenario)
            for execution in killed_at_each_effect(proof, plain, stride=stride):
                kills += 1
                trials.append(trial_of(name, execution))
                lost = lost_by(proving.board, execution.files)
                assert not lost, f"S12: {execution.scenario.faults[0]} amid {name} loses {lost}"
                if leftovers(execution, plain):
                    left[f"{name}: {execution.scenario.faults[0]}"] = leftovers(execution, plain)
        proof.extent = "exhausted" if stride == 1 else "sampled"
        what = ", ".join(names) if len(names) < 5 else f"{len(names)} operations"
        which = "each" if stride == 1 else f"each {stride}th"
        proof.space = f"{kills:,} kills, before {which} effect of {what} alone"
        proof.cells += cells_of_trials("kills", trials)
    if proving.board.text in (OUR_BOARD, KEPT_BOARD):  # others do not promise it
        assert not left, f"R1: what a killed agent leaves, the next one who writes clears: {left}"


@pytest.mark.parametrize("partner", PARTNERS if IS_DEEP else PARTNERS[:1])
def test_a_kill_while_another_agent_is_amid_its_own_call_breaks_no_promise(
    partner: str, proving: Proving, memory: Path
) -> None:
    if "processes" not in gates_of(proving.config):
        pytest.skip("not applicable: only a process can be killed")
    if partner == "claim_next" and partner not in proving.board.asks:
        partner = "claim"
    if partner not in proving.board.asks:
        pytest.skip(f"not applicable: the board lacks {partner}")
    asks = [name for name in proving.board.asks if name != "advance"]
    few = [name for name in asks if name in ("claim_next", "claim")][:1]
    names = asks if IS_DEEP else few
    kills, is_all = 0, IS_DEEP
    left: dict[str, set[str]] = {}
    with proving.proof("processes", root=memory) as proof:
        for name in names:
            plain = proof.examine(beside_another(proof, name, partner))
            for killed in killed_beside_another(proof, plain, stride=1 if IS_DEEP else 32):
                kills += 1
                is_all &= killed.is_every_interleaving
                for execution in killed.executions:
                    if leftovers(execution, plain):
                        left[f"{name} beside {partner}"] = leftovers(execution, plain)
        proof.extent = "exhausted" if is_all else "sampled"
        which = "each" if IS_DEEP else "each 32nd"
        proof.space = (
            f"{kills:,} kills, before {which} effect of {', '.join(names)} beside an agent amid "
            f"{partner}, every interleaving of the two calls with at most one "
            "preemption, and then another agent who goes on"
        )
    if proving.board.text == OUR_BOARD:  # others do not promise it
        assert not left, f"R1: what a killed agent leaves, the next one who writes clears: {left}"


def beside_another(proof: Proof, name: str, partner: str) -> Scenario:
    """Two agents that come to these calls; it begins with all that they do before. A third one
    goes on.

    To cancel is meant the task of the other, all else concerns a task of its own.
    """
    board = proof.gates.board
    pair = pair_of((name, partner), 1 if partner == "cancel" else 2, board.asks)
    later = scenario_of(board, name, LATER)
    programs = (*pair.programs, (LAST, (*later.programs[1][1], NEW_TASK)))
    run = partial(proof.gates.run, gate=proof.gate)
    return up_to_the_last_calls(Scenario(later.tasks, programs), run, [LAST])


class Killed(NamedTuple):
    """One kill, in the interleavings of the two calls; of all of them, or of those that were run:
    where another agent slept when the last one went on, there may be others.
    """

    executions: list[Execution]
    is_every_interleaving: bool


def killed_beside_another(proof: Proof, plain: Execution, *, stride: int = 1) -> Iterator[Killed]:
    """The first agent killed before the first effect of its last call, before the second, and so
    on, each in every interleaving with at most one preemption.

    Until none of them holds a kill; ``stride`` leaves some out. Raises what ``take`` does.
    """
    run = partial(proof.gates.run, gate=proof.gate)
    (_, before), *_ = plain.scenario.interleaving.turns
    for number in range(before + 2, before + KILLS_MAX, stride):  # the call itself is an effect
        killed = replace(plain.scenario, faults=(Fault(ONE, "before", "*", number, KILL),))
        exploration = explore(killed, run, preemptions_max=1, last=[LAST])
        interleaved = list(exploration)
        for execution in interleaved:
            proof.take(execution)
        if not any(step.effect.kind == KILL for one in interleaved for step in one.trace):
            return
        yield Killed(interleaved, exploration.exhausted)
    raise UnknownError(f"a call has more than {KILLS_MAX} effects, and was not exhausted")


def trial_of(name: str, execution: Execution) -> Trial:
    """A kill that broke no promise, by the kind of the effect that it came before."""
    killed = next(step.effect for step in execution.trace if step.effect.kind == KILL)
    when, kind = killed.detail.split(" ")[:2]
    return Trial(name, f"{when} {kind}", "holds")


def killed_at_each_effect(
    proof: Proof, plain: Execution, *, stride: int = 1
) -> Iterator[Execution]:
    """The agent killed before the first effect of its last call, before the second, and so on.

    Until a run ends with no kill made; ``stride`` leaves some out. Raises what ``examine`` does.
    """
    own = [step.effect.kind for step in plain.trace if step.agent == ONE]
    before = len(own) - own[::-1].index("call") if "call" in own else 0  # who opens the board
    for number in range(before + 1, before + KILLS_MAX, stride):
        fault = Fault(ONE, "before", "*", number, KILL)
        execution = proof.examine(replace(plain.scenario, faults=(fault,)))
        if not any(step.effect.kind == KILL for step in execution.trace):
            return
        yield execution
    raise UnknownError(f"a call has more than {KILLS_MAX} effects, and was not exhausted")


def leftovers(execution: Execution, plain: Execution) -> set[str]:
    """What is there that is not without the kill, but for whole tasks.

    Those may be on the board still, or put away under two names.
    """
    put_away = (".archive/", ".quarantine/")
    tasks = {f"{task.task_id}.json" for task in execution.scenario.tasks}
    left = set(execution.files).difference(plain.files, tasks)
    return {name for name in left if not name.startswith(put_away)}
