"""Which findings are probably of one bug: those in which the same thing goes wrong.

One lock that is missing breaks one promise after the other, by one call after the other. Where in
all of them the same operation is overtaken, or the same effect fails, one change of the code is
likely to end them together. It is a guess, which hides nothing: of each bug what is new comes
first, the shortest before others, and the others stand below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from proofs.harness.counterexample import Counterexample, CounterexampleError, load
from proofs.harness.nemesis import STOP
from proofs.harness.scheduling import agent_of
from proofs.night.found import AtFault
from proofs.night.morning import ORDER, Finding
from strategies.faults import ERRORS, Fault
from strategies.scenarios import Scenario

_CALL: Final = "call "
_WAITS: Final = "(waits)"


def by_bug(found: Sequence[Finding]) -> list[Finding]:
    """The same, each with its ``bug``, those of one bug one after the other.

    What showed uncontrolled belongs to what broke the same promise under control.
    """
    told = {one.name: _read(one) for one in found if one.is_violated}
    groups: dict[tuple[AtFault, str], list[Finding]] = {}
    of_promise: dict[str, str] = {}
    for one in sorted(found, key=lambda one: _rank(one, told.get(one.name))):
        counterexample = told.get(one.name)
        if counterexample is not None:
            cause = cause_of(counterexample)
            of_promise.setdefault(one.invariant, cause)
        else:
            cause = of_promise.get(one.invariant, one.name) if one.is_violated else one.name
        groups.setdefault((one.at_fault, cause), []).append(one)
    bugs = sorted(groups.values(), key=lambda some: min(ORDER.index(one.standing) for one in some))
    return [replace(one, bug=some[0].name) for some in bugs for one in some]


def cause_of(one: Counterexample) -> str:
    """What goes wrong in it, whatever the tasks and agents are called."""
    scenario = one.scenario
    faults = {_struck(fault) for fault in scenario.faults}
    damage = {f"damage: {each.kind}" for each in scenario.damage}
    lost = one.meets[len(scenario.faults) :] if scenario.crashes else ()
    operation = "" if scenario.crashes else overtaken(one.trace)
    if operation:
        faults -= {"SIGSTOP"}  # that is a way to be overtaken
    told = [*sorted(faults), *sorted(damage), *lost, *([operation] if operation else [])]
    return _without_names("; ".join(told), scenario) or one.file_name()


def overtaken(trace: Sequence[str]) -> str:
    """The operation amid which an agent had to let others go on first, by the lines of a trace."""
    lines = [(agent_of(agent), label) for agent, _, label in (s.partition(": ") for s in trace)]
    amid: dict[str, str] = {}
    for number, (agent, label) in enumerate(lines[:-1]):
        if label.startswith(_CALL):
            amid[agent] = label.removeprefix(_CALL)
        if lines[number + 1][0] == agent or (label.endswith(_WAITS) and STOP not in label):
            continue
        after = next((then for other, then in lines[number + 1 :] if other == agent), _CALL)
        if not after.startswith(_CALL):
            return amid.get(agent, "open")
    return ""


def _read(one: Finding) -> Counterexample | None:
    """None for what no file of the format holds: steps in words, a history of a soak."""
    try:
        return load(Path(one.path)) if one.path.endswith(".json") else None
    except CounterexampleError:
        return None


def _rank(one: Finding, counterexample: Counterexample | None) -> tuple[int, ...]:
    """What can be replayed first, of that what is new, and of that what is easiest to read."""
    standing = ORDER.index(one.standing)
    if counterexample is None:
        return (1, standing)
    scenario = counterexample.scenario
    wrong = len(scenario.faults) + len(scenario.damage) + len(scenario.crashes)
    return (0, standing, wrong, len(counterexample.trace))


def _struck(fault: Fault) -> str:
    if fault.stops_for_seconds is not None:
        return "SIGSTOP"
    if fault.sets_clocks_by_seconds is not None:
        return "clocks set"
    if fault.what in ERRORS:
        return f"an error at {fault.where}"
    return f"{fault.what} {fault.when} {fault.where}"


def _without_names(text: str, scenario: Scenario) -> str:
    names: Iterable[str] = (
        *(task.task_id for task in scenario.tasks),
        *(ask.task_id for _, asks in scenario.programs for ask in asks if ask.task_id),
        *scenario.agents,
    )
    any_name = "|".join(sorted(map(re.escape, {*names}), key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-z0-9])({any_name})(?![A-Za-z0-9])", "*", text) if any_name else text
