"""Every interleaving of a scenario with at most so many preemptions, but for those that are one.

Of interleavings with the same order of conflicting effects one is run. Stateless dynamic partial
order reduction: run, look for two steps that conflict and could have come the other way round, go
back there and let the other agent go first. After Flanagan and Godefroid ("Dynamic Partial-Order
Reduction for Model Checking Software", POPL 2005), with the additional points to go back to that a
bound needs, after Coons, Musuvathi and McKinley ("Bounded Partial-Order Reduction", OOPSLA 2013):
where the turn began in which the earlier step happened, since there no preemption more is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from proofs.harness.clock import EFFECT_NS
from proofs.harness.conflicts import Seen, order_of, touches
from proofs.harness.determinism import NondeterminismError
from proofs.harness.execution import Execution
from proofs.harness.races import races
from proofs.harness.scheduling import EFFECTS_MAX
from proofs.harness.trace import Step
from proofs.harness.turns import joined
from strategies.interleavings import Interleaving, Turn
from strategies.scenarios import Scenario

PREEMPTIONS_MAX = 2
EXECUTIONS_MAX = 100_000


@dataclass(slots=True)
class _Choice:
    """Before one step: who went on, who did in earlier runs, and who is still to be tried.

    ``could`` is who would go on without a preemption, if anybody; ``spent`` the preemptions before;
    ``waiting`` who certainly could not go on.
    """

    agent: str
    could: str | None
    spent: int
    waiting: frozenset[str]
    tried: set[str] = field(default_factory=set)
    todo: set[str] = field(default_factory=set)

    def cost(self, agent: str) -> int:
        """The preemptions up to here if this agent goes on."""
        return self.spent + (self.could not in (None, agent))

    def want(self, agent: str, everybody: tuple[str, ...]) -> None:
        """Let this agent go on here some time; or, since it cannot, anybody else."""
        self.todo |= set(everybody) - self.waiting if agent in self.waiting else {agent}


class Exploration:
    """Runs the interleavings one after the other, as it is iterated over; to be used once.

    ``executions`` counts what was run, ``orders`` holds the different orders of conflicting
    effects. Only if ``exhausted`` is true at the end was everything within the bound covered; it is
    not where one of those who go on last did while another slept.
    """

    def __init__(
        self,
        scenario: Scenario,
        run: Callable[[Scenario], Execution],
        preemptions_max: int,
        executions_max: int,
        last: Collection[str] = (),
    ) -> None:
        self.executions = 0
        self.orders: set[str] = set()
        self.exhausted = False
        self._has_overtaken = False
        self._scenario = scenario
        self._run = run
        self._preemptions_max = preemptions_max
        self._executions_max = executions_max
        self._last = frozenset(last)
        self._begun = scenario.interleaving.turns  # always as they are
        self._first = sum(effects for _, effects in self._begun)
        self._choices: list[_Choice] = []

    def __iter__(self) -> Iterator[Execution]:
        turns: Sequence[Turn] | None = self._begun
        while turns is not None:
            if self.executions >= self._executions_max:
                return
            interleaving = Interleaving(kind="turns", turns=joined(turns))
            execution = self._run(replace(self._scenario, interleaving=interleaving))
            self.executions += 1
            interleaved = self._interleaved(execution.trace)
            self._has_overtaken |= bool(self._last) and self._overtakes(interleaved)
            seen = touches(interleaved)
            if self._follow(seen):
                self.orders.add(order_of(seen))
                yield execution
            turns = self._next_turns()
        self.exhausted = not self._has_overtaken

    def _interleaved(self, trace: Sequence[Step]) -> Sequence[Step]:
        """Without what those do who go on last, once all others are done."""
        others = (at for at, step in enumerate(trace) if step.agent not in self._last)
        return trace[: max(others, default=-1) + 1]

    def _overtakes(self, trace: Sequence[Step]) -> bool:
        """Whether one of the last goes on while another sleeps: which of its moments that one would
        see is not explored.
        """
        sleeping: set[str] = set()
        for step in trace:
            if step.agent in self._last and sleeping:
                return True
            (sleeping.add if step.effect.kind == "sleep" else sleeping.discard)(step.agent)
        return False

    def _follow(self, seen: Seen) -> bool:
        """Take in a new run; False if the agent to be tried could not go on where it should."""
        trace = [step for step, _ in seen]
        followed = [step.agent for step in trace[self._first :][: len(self._choices)]]
        wanted = [choice.agent for choice in self._choices]
        for number, (agent, other) in enumerate(zip(followed, wanted[:-1], strict=False)):
            if agent != other:
                words = f"{other} went on at effect {self._first + number}, and then {agent}"
                raise NondeterminismError(f"one scenario ran in two ways: {words}")
        if followed != wanted:
            self._choices[-1].todo |= {step.agent for step in trace} - self._last
            return False
        ends = {step.agent: number for number, step in enumerate(trace)}
        everybody = tuple(agent for agent in ends if agent not in self._last)
        for number, waiting in enumerate(_waiting(trace)):
            if number >= self._first + len(self._choices):
                self._choices.append(self._choice(trace, number, waiting, ends))
        for earlier, agent in races(seen, third=bool(self._last)):
            if agent not in self._last:
                self._go_back(trace, earlier, agent, everybody)
        return True

    def _choice(
        self, trace: Sequence[Step], number: int, waiting: frozenset[str], ends: dict[str, int]
    ) -> _Choice:
        agent = trace[number].agent
        if not self._choices:
            return _Choice(agent, None, 0, waiting, {agent})
        before, last = trace[number - 1], self._choices[-1]
        goes_on = not before.waits and ends[before.agent] >= number
        could = before.agent if goes_on else None
        return _Choice(agent, could, last.cost(last.agent), waiting, {agent})

    def _go_back(
        self, trace: Sequence[Step], earlier: int, agent: str, everybody: tuple[str, ...]
    ) -> None:
        """Let ``agent`` go on in place of an earlier step, and where that one's turn began."""
        if earlier < self._first:
            return
        began = earlier
        while began > self._first and trace[began - 1].agent == trace[earlier].agent:
            began -= 1
        for number in (earlier, began):
            self._choices[number - self._first].want(agent, everybody)

    def _next_turns(self) -> Sequence[Turn] | None:
        """The turns of the next run: another choice, as late as there is one; None at the end."""
        while self._choices:
            last = self._choices[-1]
            within = (a for a in last.todo - last.tried if last.cost(a) <= self._preemptions_max)
            agent = min(within, default=None)
            if agent is not None:
                last.tried.add(agent)
                last.agent = agent
                return (*self._begun, *((choice.agent, 1) for choice in self._choices))
            self._choices.pop()
        return None


def _waiting(trace: Sequence[Step]) -> Iterator[frozenset[str]]:
    """Who waits before each step, for a lock or for a pause to end, and was not woken yet.

    Where time may have woken others as well nobody is told of: when somebody goes on who was not
    woken otherwise, or has slept.
    """
    waiting: dict[str, Step] = {}
    slept: set[str] = set()
    run_seconds = len(trace) * EFFECT_NS / 1e9  # unless somebody jumps
    may_jump = any(step.effect.detail == "advance" for step in trace)
    for step in trace:
        if step.agent in waiting or step.agent in slept or may_jump:
            waiting.clear()
        slept.discard(step.agent)
        yield frozenset(waiting)
        waiting = {agent: since for agent, since in waiting.items() if not step.wakes(since)}
        waiting.pop(step.agent, None)
        if step.effect.kind == "sleep":
            slept.add(step.agent)
        if step.waits and not 0 < step.sleeps <= run_seconds:
            waiting[step.agent] = step


def explore(
    scenario: Scenario,
    run: Callable[[Scenario], Execution],
    *,
    preemptions_max: int = PREEMPTIONS_MAX,
    executions_max: int = EXECUTIONS_MAX,
    last: Collection[str] = (),
) -> Exploration:
    """The executions of every interleaving of a scenario with at most so many preemptions.

    ``run`` must be deterministic; else ``NondeterminismError`` is raised. Whatever turns the
    scenario has are how each run begins; they spend no preemption. Agents that poll for ever have
    interleavings without end; ``exhausted`` tells whether ``executions_max`` was enough. The agents
    ``last``, who bear the last names, go on when the others are done or have to wait: what they do
    is part of each execution, and is tried at no earlier moment. Where they did while another one
    slept, not all that it could see of them is found, and it is not exhausted.
    """
    return Exploration(scenario, run, preemptions_max, executions_max, last)


def up_to_the_last_calls(
    scenario: Scenario, run: Callable[[Scenario], Execution], last: Collection[str] = ()
) -> Scenario:
    """The same, begun with turns in which each agent in order does all but its last call.

    So an exploration is of those last calls alone, and what comes before them is how they begin.
    The agents ``last`` have no such turn.
    """
    turns: tuple[Turn, ...] = ()
    for agent in scenario.agents:
        if agent in last:
            continue
        begun = Interleaving(kind="turns", turns=(*turns, (agent, EFFECTS_MAX)))
        trace = run(replace(scenario, interleaving=begun)).trace
        own = [step.effect.kind for step in trace if step.agent == agent]
        before = len(own) - 1 - own[::-1].index("call") if "call" in own else len(own)
        turns = (*turns, (agent, before))
    return replace(scenario, interleaving=Interleaving(kind="turns", turns=turns))
