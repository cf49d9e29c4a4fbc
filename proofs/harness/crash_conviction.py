"""From an execution that no crash may follow to a counterexample that is small and confirmed.

The crash is looked for anew in each smaller execution; which changes are lost comes last: the
fewest that break the promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from proofs.harness.conviction import named, told_of
from proofs.harness.counterexample import Counterexample, Expect
from proofs.harness.crash_replay import Crashed, run_to_the_crash, smallest_crash
from proofs.harness.determinism import NondeterminismError, compare
from proofs.harness.execution import Execution
from proofs.harness.fewest import with_fewest_preemptions
from proofs.harness.gates import Gates
from proofs.harness.invariants import INVARIANTS
from proofs.harness.persistence.changes import DirectoryState
from proofs.harness.persistence.crashes import Ended
from proofs.harness.picture import WIDTH, outcomes, picture
from proofs.harness.power_loss import Restarts
from proofs.harness.surroundings import surroundings
from proofs.harness.trace import preemptions
from proofs.harness.turns import pattern_of
from proofs.harness.verdict import Verdict
from strategies.crashes import Model
from strategies.faults import nth
from strategies.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class CrashConviction:
    """One violation after a crash, minimised in so many ``replays``; ``scenario`` is all of it."""

    scenario: Scenario
    crashed: Crashed
    ended: Ended
    verdict: Verdict
    replays: int

    @property
    def execution(self) -> Execution:
        """What came before the crash."""
        return self.crashed.execution

    def words(self, board: str) -> str:
        """What a person is to read, from the promise to what is on the disk."""
        count = preemptions(self.execution.trace)
        return "\n".join(
            [
                f"{self.verdict.invariant} violated by {board}, in threads: "
                f"{INVARIANTS[self.verdict.invariant]}.",
                f"  {self.verdict.words}",
                "",
                picture_of_crash(self.ended),
                "",
                f"{count} preemption{'' if count == 1 else 's'}; "
                f"{told_of(self.execution.scenario)}; minimised in {self.replays} replays.",
            ]
        )


def convict_crash(
    gates: Gates, execution: Execution, invariant: str, model: Model, restarts: Restarts
) -> CrashConviction:
    """Minimise what a crash breaks, name it, and confirm it by running that.

    Raises ``NondeterminismError``.
    """
    smallest = partial(
        smallest_crash, gates=gates, restarts=restarts, model=model, invariant=invariant
    )

    def breaks(found: Execution) -> bool:
        return smallest(found).found is not None

    small = with_fewest_preemptions(execution, gates.run_recorded, breaks)
    scenario = named(small.execution, gates.run_recorded)
    compare(replace(small.execution, scenario=scenario), again := gates.run_recorded(scenario))
    found = smallest(again).found
    assert found is not None, "equal executions are judged alike"
    crashes = tuple(one.named() for one in found[1].all)
    scenario = replace(scenario, crashes=crashes)
    crashed = run_to_the_crash(scenario, gates, restarts)
    verdict = crashed.broken(invariant)
    if verdict is None or crashed.ended is None:
        words = f"{found[0]} once, and not when it was run again"
        raise NondeterminismError(f"one scenario ran in two ways: {words}")
    return CrashConviction(scenario, crashed, crashed.ended, verdict, small.replays)


def counterexample_of_crash(
    conviction: CrashConviction, board: str, root: Path, expect: Expect
) -> Counterexample:
    """What is written into a file."""
    crashes = conviction.scenario.crashes
    lost = [f"{one.label} ({one.what})" for crash in crashes for one in crash.lost]
    moments = [crash.before[1] if crash.before else "the end" for crash in crashes]
    return Counterexample(
        board=board,
        invariant=conviction.verdict.invariant,
        violation=conviction.verdict.words,
        gates=("threads",),
        scenario=conviction.scenario,
        outcomes=_outcomes(conviction.ended.all[0]),
        trace=conviction.crashed.lines,
        meets=(*map(str, conviction.execution.scenario.faults), *(lost or moments)),
        expect=expect,
        made_with=surroundings(root),
    )


def _outcomes(ended: Ended) -> tuple[str, ...]:
    """As those of an execution, of what was asked before the crash."""
    operations = ended.execution.history.operations
    told = zip(operations, outcomes(ended.execution), strict=True)
    until = ended.moment.step
    return tuple(
        line if one.returned_at <= until else f"{one.agent}: {one.call()} -> cut off"
        for one, line in told
        if one.invoked_at < until
    )


def picture_of_crash(ended: Ended, width: int = WIDTH) -> str:
    """The agents side by side up to the crash, then what was lost, what had been told, what is
    left; and the same of a crash in the recovery.
    """
    first = ended.all[0]
    until = first.moment.step
    also = frozenset(n for n in _that_matter(first) if n < until)
    shown = picture(first.execution, width, also=also, until=until)
    return "\n".join([shown, *(line for one in ended.all for line in _lines(one))])


def _that_matter(ended: Ended) -> Iterator[int]:
    """The effects on what is lost; all that changed something, where nothing is."""
    lost = {ended.log.steps[loss.at] for loss in ended.lost} or set(ended.log.steps)
    paths = {path for number in lost for path in ended.trace[number].effect.paths}
    for number, step in enumerate(ended.trace):
        is_sync = step.effect.kind == "fsync"
        is_change = step.effect.changes and step.effect.kind != "close"
        if is_sync or (is_change and not paths.isdisjoint(step.effect.paths)):
            yield number


def _lines(ended: Ended) -> Iterator[str]:
    crash = ended.named()
    what = "all agents are killed" if crash.model == "K" else "the power fails"
    where = "at the end"
    if crash.before is not None:
        agent, label, occurrence = crash.before
        where = f"before the {nth(occurrence)} {label!r} of {agent}"
    yield f"  ## {what} {where}{', in the recovery' if ended.after else ''} (model {crash.model})"
    if ended.after is None:
        yield f"     told by then: {ended.moment.known.words()}"
    yield f"     lost: {'; '.join(map(str, crash.lost)) or 'nothing'}"
    yield f"     on the disk: {_held(ended.state)}"


def _held(state: DirectoryState) -> str:
    told = (f"{pattern_of(name)} ({_size(data)})" for name, data in state.files)
    return ", ".join(told) or "nothing"


def _size(data: bytes) -> str:
    if not data:
        return "empty"
    zeros = ", all zero" if not data.strip(b"\0") else ""
    return f"{len(data)} bytes{zeros}"
