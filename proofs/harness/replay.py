"""Replays a counterexample on the code as it is now, and says where that went another way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, zip_longest

from proofs.harness.checkers import Promises, check
from proofs.harness.conviction import violation
from proofs.harness.counterexample import Counterexample
from proofs.harness.crash_replay import run_to_the_crash, smallest_crash
from proofs.harness.determinism import NondeterminismError, compare
from proofs.harness.execution import Execution, NotApplicableError
from proofs.harness.gates import GateName, Gates
from proofs.harness.minimise import nearby
from proofs.harness.needs import nobody_asked
from proofs.harness.persistence.crashes import Ended
from proofs.harness.power_loss import Restarts, stays_on
from proofs.harness.turns import pattern_of, turns_of
from proofs.harness.verdict import Verdict
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario

NEIGHBOURS_MAX = 200
"""How many neighbouring interleavings are tried once a replay has diverged."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first effect at which a run is not the one that was recorded; None past an end."""

    step: int
    expected: str | None
    saw: str | None

    def __str__(self) -> str:
        expected = "the end" if self.expected is None else repr(self.expected)
        saw = "the end" if self.saw is None else repr(self.saw)
        return f"diverged at step {self.step}: expected {expected}, saw {saw}"


@dataclass(frozen=True, slots=True)
class Replay:
    """``execution`` is the one to be shown: a neighbouring one, if only that one violates.

    ``verdict`` is the violation, None if there is none; ``neighbours`` is how many were tried.
    ``unjudged`` says why no violation shows nothing, if it does not. ``is_crash`` tells that all
    ends with a crash, ``ended`` which is to be shown.
    """

    gate: GateName
    execution: Execution
    verdict: Verdict | None
    divergence: Divergence | None = None
    neighbours: int = 0
    unjudged: str | None = None
    ended: Ended | None = None
    is_crash: bool = False


class UnseenError(Exception):
    """An effect on the board's directory went past the doors; says which."""


def replay(
    counterexample: Counterexample,
    gates: Gates,
    gate: GateName | None = None,
    restarts: Restarts = stays_on,
) -> Replay:
    """Run the scenario twice, and compare; then neighbouring ones, if the code went another way.

    ``gate`` None: the one in which it was found. Raises ``NondeterminismError``, ``UnseenError``
    where an effect went past the doors, and ``NotApplicableError``.
    """
    at = gate or _gate_of(counterexample)
    invariant, promises = counterexample.invariant, gates.board.promises
    if not promises.include(invariant):
        raise NotApplicableError(f"{gates.board.name} does not promise {invariant}")
    if counterexample.scenario.crashes:
        return _replay_crash(counterexample, gates, at, restarts)
    execution = gates.run(counterexample.scenario, at)
    guarded = gates.run(counterexample.scenario, at, guarded=True)
    if guarded.unseen:
        raise UnseenError(f"effects went unseen: {'; '.join(guarded.unseen)}")
    compare(execution, guarded)
    divergence = diverged(counterexample.trace, execution)
    verdict = violation(guarded, gates, invariant)
    if verdict is not None:
        return Replay(at, guarded, verdict, divergence)
    unjudged = _unjudged(guarded, promises, invariant)
    if divergence is None:
        return Replay(at, guarded, None, unjudged=unjudged)
    found = _among_neighbours(counterexample, gates, at, execution, divergence)
    return found if found.verdict is not None else replace(found, unjudged=unjudged)


def _unjudged(execution: Execution, promises: Promises, invariant: str) -> str | None:
    """Why an execution that breaks no promise does not show that this one is kept."""
    verdicts = {verdict.invariant: verdict for verdict in check(execution, promises)}
    if invariant not in verdicts:
        return f"no checker judges {invariant} by one execution"
    if verdicts[invariant].value == "unknown":
        return verdicts[invariant].words
    return nobody_asked(invariant, {operation.name for operation in execution.history.operations})


def diverged(trace: Sequence[str], execution: Execution) -> Divergence | None:
    """Where an execution differs from a trace that was written down, if it does."""
    return _differ(trace, [pattern_of(step.label()) for step in execution.trace])


def _differ(trace: Sequence[str], seen: Sequence[str]) -> Divergence | None:
    for number, (expected, saw) in enumerate(zip_longest(trace, seen)):
        if expected != saw:
            return Divergence(number, expected, saw)
    return None


def _replay_crash(
    counterexample: Counterexample, gates: Gates, gate: GateName, restarts: Restarts
) -> Replay:
    """The same where all ends with a crash; neighbours are the other crashes of that execution."""
    if gate != "threads":
        raise NotApplicableError("what a crash may leave is only written down in threads")
    scenario, invariant = counterexample.scenario, counterexample.invariant
    guarded = gates.run(scenario, gate, guarded=True)
    if guarded.unseen:
        raise UnseenError(f"effects went unseen: {'; '.join(guarded.unseen)}")
    crashed = run_to_the_crash(scenario, gates, restarts)
    compare(crashed.execution, guarded)
    again = run_to_the_crash(scenario, gates, restarts)
    if again.lines != crashed.lines or again.broken(invariant) != crashed.broken(invariant):
        raise NondeterminismError("one recovery ran in two ways")
    divergence = _differ(counterexample.trace, crashed.lines)
    verdict = crashed.broken(invariant)
    if verdict is not None or divergence is None:
        return Replay(
            gate, crashed.execution, verdict, divergence, ended=crashed.ended, is_crash=True
        )
    model = scenario.crashes[-1].model
    search = smallest_crash(crashed.execution, gates, restarts, model, invariant, NEIGHBOURS_MAX)
    broken, ended = search.found or (None, crashed.ended)
    return Replay(
        gate, crashed.execution, broken, divergence, search.tried, ended=ended, is_crash=True
    )


def _among_neighbours(
    counterexample: Counterexample,
    gates: Gates,
    gate: GateName,
    execution: Execution,
    divergence: Divergence,
) -> Replay:
    """The first neighbouring execution that violates, else the one that was replayed."""
    tried = 0
    neighbours = _neighbours(counterexample, execution)
    for tried, scenario in enumerate(islice(neighbours, NEIGHBOURS_MAX), 1):
        found = gates.run(scenario, gate)
        verdict = violation(found, gates, counterexample.invariant)
        if verdict is not None:
            return Replay(gate, found, verdict, divergence, tried)
    return Replay(gate, execution, None, divergence, tried)


def _neighbours(counterexample: Counterexample, execution: Execution) -> Iterator[Scenario]:
    """Near to the turns as they were counted when it was found, then near to those it took now."""
    agents = (line.partition(": ")[0] for line in counterexample.trace)
    recorded = tuple((agent, len(list(lines))) for agent, lines in groupby(agents))
    for turns in (recorded, turns_of(execution.trace)):
        scenario = replace(execution.scenario, interleaving=Interleaving("turns", turns=turns))
        yield scenario
        yield from nearby(scenario)


def _gate_of(counterexample: Counterexample) -> GateName:
    return "processes" if counterexample.gates[:1] == ("processes",) else "threads"
