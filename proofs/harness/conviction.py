"""From an execution that breaks a promise to a counterexample that is small, confirmed and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from proofs.harness.checkers import check
from proofs.harness.conflicts import meet
from proofs.harness.counterexample import Counterexample, Expect
from proofs.harness.determinism import compare
from proofs.harness.execution import Execution, needs_processes
from proofs.harness.fewest import with_fewest_preemptions
from proofs.harness.gates import GateName, Gates, other
from proofs.harness.invariants import INVARIANTS
from proofs.harness.nemesis import STOP, by_name
from proofs.harness.picture import outcomes, picture
from proofs.harness.surroundings import surroundings
from proofs.harness.trace import Step, preempted_after, preemptions
from proofs.harness.turns import pattern_of, stops_of
from proofs.harness.verdict import Verdict
from strategies.damage import Damage
from strategies.faults import Fault
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Conviction:
    """One violation, minimised; ``replays`` is how many runs that took.

    ``gates`` are those in which it was confirmed, the first one being where it was found;
    ``is_fewest`` tells that every interleaving with fewer preemptions was tried and shows nothing.
    """

    execution: Execution
    verdict: Verdict
    gates: tuple[GateName, ...]
    replays: int
    is_fewest: bool

    def words(self, board: str) -> str:
        """What a person is to read, from the promise to the picture."""
        count = preemptions(self.execution.trace)
        where = " and in ".join(self.gates)
        return "\n".join(
            [
                f"{self.verdict.invariant} violated by {board}, in {where}: "
                f"{INVARIANTS[self.verdict.invariant]}.",
                f"  {self.verdict.words}",
                "",
                picture(self.execution),
                "",
                f"{count} preemption{'' if count == 1 else 's'}"
                f"{', and none with fewer' if self.is_fewest and count else ''}; "
                f"{told_of(self.execution.scenario)}; "
                f"minimised in {self.replays} replays.",
            ]
        )


def convict(gates: Gates, gate: GateName, execution: Execution, invariant: str) -> Conviction:
    """Minimise, then confirm by replaying: in this gate, which must give the same again, and in
    the other one, which may not show it. Raises ``NondeterminismError``.
    """

    def breaks(found: Execution) -> bool:
        return violation(found, gates, invariant) is not None

    run = partial(gates.run, gate=gate)
    small = with_fewest_preemptions(execution, run, breaks)
    scenario = named(small.execution, run)
    confirmed = gates.run(scenario, gate)
    compare(replace(small.execution, scenario=scenario), confirmed)
    verdict = violation(confirmed, gates, invariant)
    assert verdict is not None, "equal executions are judged alike"
    is_applicable = other(gate) == "processes" or needs_processes(scenario) is None
    in_both = is_applicable and breaks(gates.run(scenario, other(gate)))
    found_in = (gate, other(gate)) if in_both else (gate,)
    return Conviction(confirmed, verdict, found_in, small.replays, small.is_proven)


def named(execution: Execution, run: Callable[[Scenario], Execution]) -> Scenario:
    """Its scenario by the names of effects instead of numbers: where turns end and faults strike.

    Faults keep their numbers where their names would give another run.
    """
    stops = Interleaving(kind="stops", stops=stops_of(execution.trace))
    scenario = replace(execution.scenario, interleaving=stops)
    for fault in [fault for fault in scenario.faults if not fault.lasts]:
        others = tuple(other for other in scenario.faults if other is not fault)
        named = by_name(fault, run(replace(scenario, faults=others)).trace)
        faults = tuple(named if one is fault else one for one in scenario.faults)
        if run(replace(scenario, faults=faults)).trace == execution.trace:
            scenario = replace(scenario, faults=faults)
    return scenario


def violation(execution: Execution, gates: Gates, invariant: str) -> Verdict | None:
    """The verdict that convicts an execution of this invariant, if it is convicted of it."""
    for verdict in check(execution, gates.board.promises):
        if verdict.invariant == invariant and verdict.value == "violated":
            return verdict
    return None


def counterexample_of(
    conviction: Conviction, board: str, root: Path, expect: Expect = "holds"
) -> Counterexample:
    """What is written into a file."""
    execution = conviction.execution
    return Counterexample(
        board=board,
        invariant=conviction.verdict.invariant,
        violation=conviction.verdict.words,
        gates=conviction.gates,
        scenario=execution.scenario,
        outcomes=outcomes(execution),
        trace=tuple(pattern_of(step.label()) for step in execution.trace),
        meets=(*map(str, _what_went_wrong(execution.scenario)), *_first_conflict(execution)),
        expect=expect,
        made_with=surroundings(root),
    )


def _what_went_wrong(scenario: Scenario) -> tuple[Fault | Damage, ...]:
    return (*scenario.faults, *scenario.damage)


def told_of(scenario: Scenario) -> str:
    """What went wrong, in words."""
    faults = "; ".join(map(str, scenario.faults)) or "no faults"
    damage = [f"damage to {one}" for one in scenario.damage]
    return "; ".join([faults, *damage])


def _first_conflict(execution: Execution) -> tuple[str, ...]:
    """What an agent had done before it was overtaken first, and what met it from another one then.

    Where it had looked at what another one changed meanwhile, that is it; else any conflict.
    """
    trace = execution.trace
    stopped = [number for number, step in enumerate(trace) if step.effect.kind == STOP]
    for number in sorted((*preempted_after(trace), *stopped)):
        before, meanwhile = _around(trace, number)
        pairs = [(own, met) for own in before for met in meanwhile if meet(own, met)]
        stale = [pair for pair in pairs if not pair[0].effect.changes and pair[1].effect.changes]
        for own, met in stale or pairs:
            return (pattern_of(own.effect.label()), pattern_of(met.effect.label()))
    return ()


def _around(trace: Sequence[Step], number: int) -> tuple[list[Step], list[Step]]:
    """What the agent of this step had done, the last first; what others did until it went on."""
    agent = trace[number].agent
    before = [step for step in trace[number::-1] if step.agent == agent]
    return before, list(takewhile(lambda step: step.agent != agent, trace[number + 1 :]))
