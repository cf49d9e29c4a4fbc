"""Which findings are probably of one bug: those in which the same things meet.

One lock that is missing breaks one promise after the other, at one pair of calls after the other.
Where in all of them one file changes between a look and what follows, or the same effect fails,
one change of the code is likely to end them together. It is a guess, which hides nothing: of each
bug the shortest counterexample comes first, and the others are named below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from proofs.harness.counterexample import Counterexample, CounterexampleError, load
from proofs.night.morning import ORDER, Finding
from strategies.faults import ERRORS, Fault
from strategies.scenarios import Scenario

_ANY_ERROR: Final = "an error"
_WORDS_OF_LABELS: Final = frozenset({"->", "r", "w", "create", "exclusive", "shared", "truncate"})


def by_bug(found: Sequence[Finding]) -> list[Finding]:
    """The same, each with its ``bug``, those of one bug one after the other.

    What showed uncontrolled belongs to what broke the same promise under control.
    """
    told = {one.name: _read(one) for one in found if one.is_violated}
    groups: dict[str, list[Finding]] = {}
    of_promise: dict[str, str] = {}
    for one in sorted(found, key=lambda one: _rank(one, told.get(one.name))):
        counterexample = told.get(one.name)
        if counterexample is not None:
            cause = cause_of(counterexample)
            of_promise.setdefault(one.invariant, cause)
        else:
            cause = of_promise.get(one.invariant, one.name) if one.is_violated else one.name
        groups.setdefault(cause, []).append(one)
    bugs = sorted(groups.values(), key=lambda some: min(ORDER.index(one.standing) for one in some))
    return [replace(one, bug=some[0].name) for some in bugs for one in some]


def cause_of(one: Counterexample) -> str:
    """What meets in it, whatever the tasks and agents are called."""
    scenario = one.scenario
    faults = {_struck(fault) for fault in scenario.faults}
    damage = {f"damage: {each.kind}" for each in scenario.damage}
    met = one.meets[len(scenario.faults) + len(scenario.damage) :]
    if met and not scenario.crashes:
        faults -= {"SIGSTOP"}  # that is a way to be overtaken
        met = _shared(met)
    told = [*sorted(faults), *sorted(damage), *met]
    return _without_names("; ".join(told), scenario) or one.file_name()


def _read(one: Finding) -> Counterexample | None:
    """None for what no file of the format holds: steps in words, a history of a soak."""
    try:
        return load(Path(one.path)) if one.path.endswith(".json") else None
    except CounterexampleError:
        return None


def _rank(one: Finding, counterexample: Counterexample | None) -> tuple[int, ...]:
    """Those first that are easiest to read."""
    if counterexample is None:
        return (1, ORDER.index(one.standing))
    scenario = counterexample.scenario
    wrong = len(scenario.faults) + len(scenario.damage) + len(scenario.crashes)
    return (0, wrong, len(counterexample.trace), ORDER.index(one.standing))


def _struck(fault: Fault) -> str:
    if fault.stops_for_seconds is not None:
        return "SIGSTOP"
    if fault.sets_clocks_by_seconds is not None:
        return "clocks set"
    what = _ANY_ERROR if fault.what in ERRORS else fault.what
    return f"{what} {fault.when} {fault.where}"


def _shared(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The paths in all of them; where there is none the labels themselves."""
    tokens = [set(label.split()[1:]) - _WORDS_OF_LABELS for label in labels]
    return tuple(sorted(set.intersection(*tokens))) or labels


def _without_names(text: str, scenario: Scenario) -> str:
    names: Iterable[str] = (
        *(task.task_id for task in scenario.tasks),
        *(ask.task_id for _, asks in scenario.programs for ask in asks if ask.task_id),
        *scenario.agents,
    )
    any_name = "|".join(sorted(map(re.escape, {*names}), key=len, reverse=True))
    return re.sub(rf"(?<![a-z0-9])({any_name})(?![a-z0-9])", "*", text) if any_name else text
