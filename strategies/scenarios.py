"""Scenarios: all that decides a run, as one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st

from strategies import reading
from strategies.clocks import Clock, clocks
from strategies.crashes import Crash
from strategies.damage import Damage
from strategies.faults import Fault, fault_plans
from strategies.interleavings import Interleaved, Interleaving, interleavings
from strategies.misplacements import DRAWN, DRAWN_FOR_OURS, misplacements
from strategies.payloads import damages, oddities
from strategies.programs import ASKS, TYPES, Ask, Program, half_a_lease, programs

__all__ = ["START", "PostedTask", "Scenario", "damaged_scenarios", "polling_scenarios", "scenarios"]

EFFECTS_OF_A_CALL: Final = 35
"""About how many effects one call has, on our board: what switches are spread over."""

AGENTS_MAX: Final = 32
TASKS_MAX: Final = 1_000
ASKS_MAX: Final = 1_000
FAULTS_MAX: Final = 1_000
"""So many a scenario in a file may have, the calls for each agent."""

START: Final = 1_700_000_000.0
"""When every run begins, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class PostedTask:
    """A task that is on the board before the agents start."""

    task_id: str
    task_type: str = "CODE_ANALYSIS"
    priority: int = 5
    created_at: float = START

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {name: getattr(self, name) for name in PostedTask.__slots__}

    @staticmethod
    def from_json(fields: object) -> PostedTask:
        """The inverse of ``to_json``. Raises ValueError for what cannot be posted."""
        given = reading.members(fields, "a task", ["task_id"], PostedTask.__slots__)
        return PostedTask(
            reading.task_id(given["task_id"]),
            reading.text(given.get("task_type", "CODE_ANALYSIS"), "task_type", 200),
            reading.whole(given.get("priority", 5), "priority", -(2**63), 2**63 - 1),
            reading.number(given.get("created_at", START), "created_at"),
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """Tasks, one program for each agent, and who runs when; equal scenarios run alike.

    Without ``tasks`` nobody has opened the board before the agents do.
    ``chance`` decides whatever else the world leaves open: in which order directories are listed
    and which random bytes are drawn. 0 lists by name. ``faults`` are what goes wrong.
    ``damage`` is done to the files of the board once the tasks are posted, before the agents start.
    ``crashes`` are how all ends: the first during the run, a second one during what follows it.
    """

    tasks: tuple[PostedTask, ...]
    programs: tuple[tuple[str, Program], ...]
    interleaving: Interleaving = field(default_factory=Interleaving)
    clock: Clock = field(default_factory=Clock)
    chance: int = 0
    faults: tuple[Fault, ...] = ()
    damage: tuple[Damage, ...] = ()
    crashes: tuple[Crash, ...] = ()

    @property
    def agents(self) -> tuple[str, ...]:
        """The names of the agents, in order."""
        return tuple(name for name, _ in self.programs)

    def to_json(self) -> dict[str, Any]:
        """As JSON, made to be read; without faults, damage or crashes there is no word of them."""
        fields = {
            "tasks": [task.to_json() for task in self.tasks],
            "programs": {
                name: [ask.to_json() for ask in program] for name, program in self.programs
            },
            "interleaving": self.interleaving.to_json(),
            "clock": self.clock.to_json(),
            "chance": self.chance,
        }
        if self.faults:
            fields["faults"] = [fault.to_json() for fault in self.faults]
        if self.damage:
            fields["damage"] = [damage.to_json() for damage in self.damage]
        if self.crashes:
            fields["crashes"] = [crash.to_json() for crash in self.crashes]
        return fields

    @staticmethod
    def from_json(fields: object) -> Scenario:
        """The inverse of ``to_json``. Raises ValueError for what cannot be run."""
        given = reading.members(
            fields,
            "scenario",
            ["tasks", "programs", "interleaving"],
            ["clock", "chance", "faults", "damage", "crashes"],
        )
        tasks = reading.items(given["tasks"], "tasks", TASKS_MAX)
        faults = reading.items(given.get("faults", ()), "faults", FAULTS_MAX)
        scenario = Scenario(
            tuple(map(PostedTask.from_json, tasks)),
            _programs(given["programs"]),
            Interleaving.from_json(given["interleaving"]),
            Clock.from_json(given.get("clock", {})),
            reading.whole(given.get("chance", 0), "chance", most=reading.SEED_MAX),
            tuple(map(Fault.from_json, faults)),
            tuple(
                map(Damage.from_json, reading.items(given.get("damage", ()), "damage", TASKS_MAX))
            ),
            tuple(map(Crash.from_json, reading.items(given.get("crashes", ()), "crashes", 2))),
        )
        _refuse_what_cannot_be(scenario)
        return scenario


def _programs(programs: object) -> tuple[tuple[str, Program], ...]:
    if not isinstance(programs, dict) or not programs:
        reading.refuse("programs", "name an agent", programs)
    if len(programs) > AGENTS_MAX:
        reading.refuse("programs", f"name at most {AGENTS_MAX} agents", len(programs))
    return tuple(
        (
            reading.agent(name),
            tuple(map(Ask.from_json, reading.items(program, f"program of {name}", ASKS_MAX))),
        )
        for name, program in programs.items()
    )


def _refuse_what_cannot_be(scenario: Scenario) -> None:
    """Two tasks of one id, and more time than there is."""
    for task_id, count in Counter(task.task_id for task in scenario.tasks).items():
        if count > 1:
            reading.refuse("tasks", "have an id each", task_id)
    asked = sum(ask.seconds for _, program in scenario.programs for ask in program)
    stopped = sum(fault.stops_for_seconds or 0.0 for fault in scenario.faults)
    if asked + stopped > reading.SECONDS_MAX:
        reading.refuse("seconds", f"be at most {reading.SECONDS_MAX:g} together", asked + stopped)


def mixed(agents: Sequence[str], effects: int) -> st.SearchStrategy[Interleaving]:
    """Of all kinds: what scenarios have where nothing else is asked for."""
    return interleavings(agents, effects=effects)


@st.composite
def scenarios(
    draw: st.DrawFn,
    *,
    agents_max: int = 4,
    tasks_max: int = 3,
    asks_max: int = 5,
    names: Sequence[str] = ASKS,
    lease_seconds: float = 3600.0,
    faults_max: int = 0,
    can_kill: bool = False,
    interleaved: Interleaved = mixed,
) -> Scenario:
    """2 to ``agents_max`` agents on 1 to ``tasks_max`` tasks; shrinks to one claim each.

    ``lease_seconds`` is the lease that the board promises. ``can_kill`` is for agents that are
    processes.
    """
    ids = [f"t{number + 1}" for number in range(draw(st.integers(1, tasks_max)))]
    tasks = tuple(
        PostedTask(
            task_id,
            draw(st.sampled_from(TYPES)),
            priority=draw(st.integers(4, 6)),
            created_at=START - number,
        )
        for number, task_id in enumerate(ids)
    )
    agents = [f"a{number + 1}" for number in range(draw(st.integers(2, agents_max)))]
    program = programs([*ids, "new"], asks_max=asks_max, names=names, lease_seconds=lease_seconds)
    drawn = tuple((agent, draw(program)) for agent in agents)
    chance = draw(st.sampled_from([0, 0, 1, 2, 3]))
    effects = EFFECTS_OF_A_CALL * sum(len(program) for _, program in drawn)
    interleaving = draw(interleaved(agents, effects))
    faults = fault_plans(
        agents,
        faults_max=faults_max,
        lease_seconds=lease_seconds,
        can_kill=can_kill,
        occurrences_max=EFFECTS_OF_A_CALL * max(len(program) for _, program in drawn),
    )
    return Scenario(tasks, drawn, interleaving, draw(clocks(agents)), chance, draw(faults))


@st.composite
def damaged_scenarios(
    draw: st.DrawFn,
    of: st.SearchStrategy[Scenario],
    kinds: Collection[str] | None = None,
    *,
    is_ours: bool = False,
) -> Scenario:
    """These scenarios, with damage to the files of one of their tasks, or of all but the last.

    To the bytes of a file; or something else lies under its name. ``kinds`` are some of the names
    in ``DAMAGES``, and then nothing else is drawn. For a board that ``is_ours`` there is more that
    only our format and our promises say: see ``DRAWN_FOR_OURS`` and ``ODDITIES``.
    """
    scenario = draw(of.filter(lambda scenario: len(scenario.tasks) > 1))
    ids = [task.task_id for task in scenario.tasks]
    one = damages(ids[:-1], kinds)
    if kinds is None:
        others = [misplacements(ids[:-1], DRAWN_FOR_OURS if is_ours else DRAWN)]
        others += [oddities(ids[:-1])] * is_ours
        one = st.one_of(one, one, *others)
    drawn = st.lists(one, min_size=1, max_size=len(ids) - 1, unique_by=lambda one: one.file)
    return replace(scenario, damage=tuple(draw(drawn)))


@st.composite
def polling_scenarios(
    draw: st.DrawFn,
    names: Sequence[str] = ASKS,
    *,
    agents_max: int = 3,
    tasks_max: int = 3,
    lease_seconds: float = 3600.0,
) -> Scenario:
    """Agents that do nothing but look for work until there is none left for any of them.

    Of some the last one begins late: half a lease has passed then, which is too little for a claim
    to lapse and enough for most locks that go by their age. A board without ``claim_next`` is asked
    for each task by its id instead.
    """
    ids = [f"t{number + 1}" for number in range(draw(st.integers(1, tasks_max)))]
    tasks = tuple(
        PostedTask(task_id, priority=draw(st.integers(4, 6)), created_at=START - number)
        for number, task_id in enumerate(ids)
    )
    agents = [f"a{number + 1}" for number in range(draw(st.integers(2, agents_max)))]
    by_id = tuple(Ask("claim", task_id, fenced=False) for task_id in ids)
    polls = (Ask("claim_next"),) * (len(ids) + 1) if "claim_next" in names else by_id
    late = (Ask("advance", seconds=half_a_lease(lease_seconds)),)
    last = draw(st.sampled_from([polls, polls, (*late, *polls)]))
    programs = (*((agent, polls) for agent in agents[:-1]), (agents[-1], last))
    chance = draw(st.sampled_from([0, 0, 1, 2]))
    effects = 60 * len(agents) * len(ids)
    return Scenario(tasks, programs, draw(interleavings(agents, effects=effects)), chance=chance)
