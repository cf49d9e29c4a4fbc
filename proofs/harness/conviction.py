"""From an execution that breaks a promise to a counterexample that is small, confirmed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from proofs.harness.checkers import check
from proofs.harness.conflicts import meet
from proofs.harness.counterexample import Counterexample, Expect
from proofs.harness.execution import Execution
from proofs.harness.gates import GateName, Gates, other
from proofs.harness.invariants import INVARIANTS
from proofs.harness.minimise import minimise
from proofs.harness.picture import outcomes, picture
from proofs.harness.surroundings import surroundings
from proofs.harness.trace import Step, preempted_after, preemptions
from proofs.harness.turns import pattern_of, stops_of
from proofs.harness.verdict import Verdict
from strategies.interleavings import Interleaving


class NondeterminismError(Exception):
    """The same scenario did not run the same way twice: nothing can be said of the board."""


@dataclass(frozen=True, slots=True)
class Conviction:
    """One violation, minimised; ``replays`` is how many runs that took.

    ``gates`` are those in which it was confirmed, the first one being where it was found.
    """

    execution: Execution
    verdict: Verdict
    gates: tuple[GateName, ...]
    replays: int

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
                f"{count} preemption{'' if count == 1 else 's'}; no faults; "
                f"minimised in {self.replays} replays.",
            ]
        )


def convict(gates: Gates, gate: GateName, execution: Execution, invariant: str) -> Conviction:
    """Minimise, then confirm by replaying: in this gate, which must give the same again, and in
    the other one, which may not show it. Raises ``NondeterminismError``.
    """

    def breaks(found: Execution) -> bool:
        return violation(found, gates, invariant) is not None

    small = minimise(execution, lambda scenario: gates.run(scenario, gate), breaks)
    stops = Interleaving(kind="stops", stops=stops_of(small.execution.trace))
    scenario = replace(small.execution.scenario, interleaving=stops)
    confirmed = gates.run(scenario, gate)
    compare(replace(small.execution, scenario=scenario), confirmed)
    verdict = violation(confirmed, gates, invariant)
    assert verdict is not None, "equal executions are judged alike"
    in_both = breaks(gates.run(scenario, other(gate)))
    found_in = (gate, other(gate)) if in_both else (gate,)
    return Conviction(confirmed, verdict, found_in, small.replays)


def violation(execution: Execution, gates: Gates, invariant: str) -> Verdict | None:
    """The verdict that convicts an execution of this invariant, if it is convicted of it."""
    for verdict in check(execution, gates.board.promises):
        if verdict.invariant == invariant and verdict.value == "violated":
            return verdict
    return None


def compare(first: Execution, second: Execution) -> None:
    """Raise ``NondeterminismError`` where two runs of one scenario differ, and say where."""
    if first == second:
        return
    for number, (one, two) in enumerate(zip(first.trace, second.trace, strict=False)):
        if one != two:
            words = f"at effect {number} {one.label()!r}, and then {two.label()!r}"
            raise NondeterminismError(f"one scenario ran in two ways: {words}")
    parts = [name for name in ("trace", "history", "final") if _differ(name, first, second)]
    raise NondeterminismError(
        f"one scenario ran in two ways: other {' and '.join(parts) or 'endings'} on the same "
        f"effects; something that is drawn by chance or read from outside decides"
    )


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
        meets=_first_conflict(execution),
        expect=expect,
        made_with=surroundings(root),
    )


def _differ(name: str, first: Execution, second: Execution) -> bool:
    return bool(getattr(first, name) != getattr(second, name))


def _first_conflict(execution: Execution) -> tuple[str, ...]:
    """What an agent had done before it was stopped first, and what met it from another one then.

    Where it had looked at what another one changed meanwhile, that is it; else any conflict.
    """
    trace = execution.trace
    for number in preempted_after(trace):
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
