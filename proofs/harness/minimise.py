"""Makes a violation small: fewer preemptions, faults, turns, calls, agents and tasks.

Works on what was recorded, not on what Hypothesis drew: the scenario's interleaving is replaced by
the turns of its trace, and then whatever can be left out is left out, one thing at a time, as in
Zeller and Hildebrandt's delta debugging with single elements ("Simplifying and Isolating
Failure-Inducing Input", 2002), until nothing more can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proofs.harness.execution import Execution
from proofs.harness.nemesis import is_its_own, of_those_left
from proofs.harness.scheduling import agent_of
from proofs.harness.trace import Step, preemptions
from proofs.harness.turns import joined, turns_of
from strategies.damage import Damage
from strategies.faults import Fault
from strategies.interleavings import Interleaving, Turn
from strategies.payloads import plainer, strangeness
from strategies.programs import Ask
from strategies.scenarios import Scenario

REPLAYS_MAX = 3000
NEARBY_EFFECTS = 20

_WORD: Final = re.compile(r"\w+")

Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Minimised:
    """The smallest execution found, and how many runs it took to find it."""

    execution: Execution
    replays: int


def minimise(
    execution: Execution,
    run: Callable[[Scenario], Execution],
    violates: Callable[[Execution], bool],
    *,
    replays_max: int = REPLAYS_MAX,
) -> Minimised:
    """Smaller executions that still violate, until there is none or the replays are spent.

    ``run`` must be deterministic; ``violates`` says whether an execution shows the same violation.
    """
    best = _recorded(execution)
    replays = 0
    tried: set[Scenario] = set()
    candidates = _smaller(best)
    while replays < replays_max:
        scenario = next((s for s in candidates if s not in tried), None)
        if scenario is None:
            break
        tried.add(scenario)
        replays += 1
        found = run(scenario)
        if violates(found) and size(found) < size(best):
            best = _recorded(found)
            candidates = _smaller(best)
    return Minimised(best, replays)


def size(execution: Execution) -> Size:
    """What makes an execution hard to read, the worst first."""
    programs = execution.scenario.programs
    return (
        preemptions(execution.trace),
        len(execution.scenario.faults) + len(execution.scenario.damage),
        len(turns_of(execution.trace)),
        sum(len(asks) for _, asks in programs),
        len(programs),
        len(execution.scenario.tasks),
        _oddities(execution.scenario),
        len(execution.trace),
    )


def _oddities(scenario: Scenario) -> int:
    """How much of names and surroundings is not as plain as it could be."""
    clock, plain = scenario.clock, _renamed(scenario)
    named = plain.tasks != scenario.tasks or plain.programs != scenario.programs
    odd = len(clock.skews_seconds) + bool(clock.file_tick_seconds) + bool(scenario.chance)
    lasting = sum(fault.lasts for fault in scenario.faults)
    return odd + named + lasting + sum(map(strangeness, scenario.damage))


def _recorded(execution: Execution) -> Execution:
    """The same execution, as that of a scenario whose turns are those of its trace."""
    interleaving = Interleaving(kind="turns", turns=turns_of(execution.trace))
    return replace(execution, scenario=replace(execution.scenario, interleaving=interleaving))


def _smaller(execution: Execution) -> Iterator[Scenario]:
    """Scenarios with one thing less, those first that take away most of what makes it hard."""
    yield from _other_turns(execution.scenario)
    yield from _with_less(execution)
    for scenario in _with_less(execution):
        yield from nearby(scenario)


def _with_less(execution: Execution) -> Iterator[Scenario]:
    yield from _without_faults(execution)
    yield from _with_less_damage(execution.scenario)
    yield from _without_agents(execution)
    yield from _without_calls(execution)
    yield from _without_tasks(execution)
    yield from _plainer(execution.scenario)


def nearby(scenario: Scenario) -> Iterator[Scenario]:
    """The same with one turn a little longer or shorter.

    What is left does other effects once something is left out: calls see another board.
    """
    turns = scenario.interleaving.turns
    for distance in range(1, NEARBY_EFFECTS + 1):
        for at, (agent, effects) in enumerate(turns[:-1]):
            for moved in (effects - distance, effects + distance):
                if moved > 0:
                    yield _with_turns(scenario, (*turns[:at], (agent, moved), *turns[at + 1 :]))


def _other_turns(scenario: Scenario) -> Iterator[Scenario]:
    """One turn less, or two turns of one agent made one, before or after what was in between."""
    turns = scenario.interleaving.turns
    for at in range(len(turns)):
        yield _with_turns(scenario, turns[:at] + turns[at + 1 :])
    for at in range(len(turns) - 2):
        first, second, third = turns[at : at + 3]
        if first[0] == third[0]:
            both = (first[0], first[1] + third[1])
            yield _with_turns(scenario, (*turns[:at], both, second, *turns[at + 3 :]))
            yield _with_turns(scenario, (*turns[:at], second, both, *turns[at + 3 :]))


def _without_faults(execution: Execution) -> Iterator[Scenario]:
    """One fault less, and its own effects taken out of the turns."""
    scenario = execution.scenario
    for fault in scenario.faults:
        faults = tuple(other for other in scenario.faults if other is not fault)
        trace = [step for step in execution.trace if not is_its_own(step, fault)]
        yield _with_turns(replace(scenario, faults=faults), turns_of(trace))


def _with_less_damage(scenario: Scenario) -> Iterator[Scenario]:
    """One damage less, a plainer one, or less of one."""
    for at, damage in enumerate(scenario.damage):
        before, after = scenario.damage[:at], scenario.damage[at + 1 :]
        yield replace(scenario, damage=before + after)
        for less in (*plainer(damage), *damage.smaller()):
            yield replace(scenario, damage=(*before, less, *after))


def _without_agents(execution: Execution) -> Iterator[Scenario]:
    """One agent less, but not the last, and with it the threads that it started."""
    if len(execution.scenario.programs) == 1:
        return
    for left_out, _ in execution.scenario.programs:
        programs = tuple(p for p in execution.scenario.programs if p[0] != left_out)
        trace = [step for step in execution.trace if agent_of(step.agent) != left_out]
        clock = execution.scenario.clock
        skews = tuple(skew for skew in clock.skews_seconds if skew[0] != left_out)
        clock = replace(clock, skews_seconds=skews)
        scenario = replace(execution.scenario, programs=programs, clock=clock)
        yield _with_steps(scenario, execution.trace, trace)


def _without_calls(execution: Execution) -> Iterator[Scenario]:
    """One call less, and its effects taken out of the turns."""
    scenario = execution.scenario
    for at, (agent, asks) in enumerate(scenario.programs):
        operations = iter([o for o in execution.history.operations if o.agent == agent])
        done = next(operations, None)
        for number, ask in enumerate(asks):
            effects = range(0)
            if done is not None and done.name == ask.name:
                effects, done = range(done.invoked_at, done.returned_at), next(operations, None)
            program = (agent, asks[:number] + asks[number + 1 :])
            programs = (*scenario.programs[:at], program, *scenario.programs[at + 1 :])
            trace = [
                step
                for step_number, step in enumerate(execution.trace)
                if step.agent != agent or step_number not in effects
            ]
            yield _with_steps(replace(scenario, programs=programs), execution.trace, trace)


def _without_tasks(execution: Execution) -> Iterator[Scenario]:
    """One task less, and the effects on files of its name taken out of the turns."""
    for task in execution.scenario.tasks:
        tasks = tuple(other for other in execution.scenario.tasks if other is not task)
        trace = [
            step
            for step in execution.trace
            if not any(task.task_id in path for path in step.effect.paths)
        ]
        yield _with_steps(replace(execution.scenario, tasks=tasks), execution.trace, trace)


def _plainer(scenario: Scenario) -> Iterator[Scenario]:
    """One clock for all, exact file times, listings by name."""
    clock = scenario.clock
    for skew in clock.skews_seconds:
        skews = tuple(other for other in clock.skews_seconds if other != skew)
        yield replace(scenario, clock=replace(clock, skews_seconds=skews))
    if clock.file_tick_seconds:
        yield replace(scenario, clock=replace(clock, file_tick_seconds=0.0))
    if scenario.chance:
        yield replace(scenario, chance=0)
    for at, fault in enumerate(scenario.faults):
        if fault.lasts:
            once = replace(fault, lasts=False)
            faults = (*scenario.faults[:at], once, *scenario.faults[at + 1 :])
            yield replace(scenario, faults=faults)
    yield _renamed(scenario)


def _renamed(scenario: Scenario) -> Scenario:
    """The same with its agents called a1, a2 … as they come to run, and its tasks t1, t2 …"""
    order = dict.fromkeys((*(name for name, _ in scenario.interleaving.turns), *scenario.agents))
    names = [name for name in order if name in scenario.agents]  # not their threads
    agents = {name: f"a{number}" for number, name in enumerate(names, 1)}
    ids = {task.task_id: f"t{number}" for number, task in enumerate(scenario.tasks, 1)}
    tasks = tuple(replace(task, task_id=ids[task.task_id]) for task in scenario.tasks)
    programs = sorted(
        (agents[name], tuple(_of_renamed(ask, ids) for ask in asks))
        for name, asks in scenario.programs
    )
    turns = tuple((_part_of(name, agents), n) for name, n in scenario.interleaving.turns)
    skews = tuple((agents[name], seconds) for name, seconds in scenario.clock.skews_seconds)
    faults = tuple(_fault_of_renamed(fault, agents, ids) for fault in scenario.faults)
    damage = tuple(_damage_of_renamed(damage, ids) for damage in scenario.damage)
    return replace(
        scenario,
        tasks=tasks,
        programs=tuple(programs),
        interleaving=Interleaving(kind="turns", turns=turns),
        clock=replace(scenario.clock, skews_seconds=skews),
        faults=faults,
        damage=damage,
    )


def _part_of(name: str, agents: dict[str, str]) -> str:
    """The new name of an agent, or of a thread or child of one."""
    agent, dot, number = name.partition(".")
    return f"{agents.get(agent, agent)}{dot}{number}"


def _fault_of_renamed(fault: Fault, agents: dict[str, str], ids: dict[str, str]) -> Fault:
    """The fault at the same effects; its label may name tasks."""
    where = _WORD.sub(lambda word: ids.get(word[0], word[0]), fault.where)
    return replace(fault, agent=_part_of(fault.agent, agents), where=where)


def _damage_of_renamed(damage: Damage, ids: dict[str, str]) -> Damage:
    """The damage to the same file, whose name may tell of a task, as what it holds may."""

    def renamed(text: str) -> str:
        return _WORD.sub(lambda word: ids.get(word[0], word[0]), text)

    return replace(damage, file=renamed(damage.file), value=renamed(damage.value))


def _of_renamed(ask: Ask, ids: dict[str, str]) -> Ask:
    return ask if ask.task_id is None else replace(ask, task_id=ids.get(ask.task_id, ask.task_id))


def _with_steps(scenario: Scenario, trace: Sequence[Step], left: Sequence[Step]) -> Scenario:
    """With turns and faults as they are once only these steps of the trace are left."""
    faults = tuple(of_those_left(scenario.faults, trace, left))
    return _with_turns(replace(scenario, faults=faults), turns_of(left))


def _with_turns(scenario: Scenario, turns: Sequence[Turn]) -> Scenario:
    return replace(scenario, interleaving=Interleaving(kind="turns", turns=joined(turns)))
