"""Turns: who runs how far, one after the other; what a trace comes down to.

How far is said by a number of effects, which is exact, or by the effect before which the turn ends,
which still means something once the code of a board has changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from proofs.harness.effects import Effect
from proofs.harness.scheduler import NEVER
from proofs.harness.trace import Step
from strategies.interleavings import Stop, Turn

_BY_CHANCE: Final = re.compile(r"[0-9a-f]{8,}(-[0-9a-f]{4,12})*|tmp[a-z0-9_]{8}(?![a-z0-9_])")


def turns_of(trace: Sequence[Step]) -> tuple[Turn, ...]:
    """The turns by which a recorded run is replayed."""
    return tuple((agent, len(list(steps))) for agent, steps in groupby(trace, lambda s: s.agent))


def joined(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The same, with neighbouring turns of one agent made one."""
    groups = groupby(turns, lambda turn: turn[0])
    return tuple((agent, sum(effects for _, effects in group)) for agent, group in groups)


class Turns:
    """Gives each agent its turn, for so many of its own effects or until it cannot go on.

    After the last turn whoever runs goes on; a turn of an agent that cannot run is left out. Since
    effects are counted within turns, dropping one does not move all that come after.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = list(turns)
        self._begun = 0
        self._agent: str | None = None
        self._until = 0  # the number of the effect before which the turn is over

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whose turn it is."""
        while self._begun < len(self._turns) and (
            step >= self._until or self._agent not in runnable
        ):
            self._agent, effects = self._turns[self._begun]
            self._begun, self._until = self._begun + 1, step + effects
        if self._agent in runnable and self._agent is not None and step < self._until:
            return self._agent
        return current if current in runnable and current is not None else runnable[0]

    def stays_until(self, step: int) -> int:
        """The end of the turn; after the last there is none."""
        return self._until if step < self._until else NEVER

    def state(self) -> tuple[int, str | None, int]:
        """How many turns were begun; whose turn it is, until when."""
        return (self._begun, self._agent, self._until)

    def restore(self, state: tuple[int, str | None, int]) -> None:
        """The turns are the same."""
        self._begun, self._agent, self._until = state


def pattern_of(label: str) -> str:
    """A label in which what was drawn by chance, as in the name of a temporary file, is a star."""
    return _BY_CHANCE.sub("*", label)


def stops_of(trace: Sequence[Step]) -> tuple[Stop, ...]:
    """The stops by which a recorded run is replayed; its last turn goes to the end."""
    stands_before: dict[str, tuple[str, int]] = {}  # what each agent does next, seen from the end
    left: Counter[tuple[str, str]] = Counter(
        (step.agent, pattern_of(step.effect.label())) for step in trace
    )
    stops: list[Stop] = []
    for number in range(len(trace) - 1, -1, -1):
        step = trace[number]
        if number == len(trace) - 1 or trace[number + 1].agent != step.agent:
            label, occurrence = stands_before.get(step.agent, (None, 0))
            stops.append((step.agent, label, occurrence))
        pattern = pattern_of(step.effect.label())
        stands_before[step.agent] = (pattern, left[step.agent, pattern])
        left[step.agent, pattern] -= 1
    return tuple(reversed(stops))


class Stops:
    """Gives each agent its turn, until it stands before a given effect or cannot go on.

    After the last turn whoever runs goes on; a turn of an agent that cannot run is left out.
    """

    def __init__(self, stops: Sequence[Stop]) -> None:
        self._stops = list(stops)
        self._over = 0
        self._begun: Counter[tuple[str, str]] = Counter()

    def about_to(self, agent: str, effect: Effect) -> None:
        """To be told of each effect before the choice that precedes it."""
        self._begun[agent, pattern_of(effect.label())] += 1

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whose turn it is."""
        while self._over < len(self._stops):
            agent, label, occurrence = self._stops[self._over]
            is_there = label is not None and self._begun[agent, label] >= occurrence
            if agent in runnable and not is_there:
                return agent
            self._over += 1
        return current if current in runnable and current is not None else runnable[0]

    def stays_until(self, step: int) -> int:
        """The next effect, for it must be told of each, until all stops are over."""
        return step + 1 if self._over < len(self._stops) else NEVER

    def state(self) -> tuple[int, dict[tuple[str, str], int]]:
        """How many stops are over, and how often each effect was begun."""
        return (self._over, dict(self._begun))

    def restore(self, state: tuple[int, dict[tuple[str, str], int]]) -> None:
        """The stops are the same."""
        self._over, self._begun = state[0], Counter(state[1])
