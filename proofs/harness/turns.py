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
        self._agent: str | None = None
        self._until = 0  # the number of the effect before which the turn is over

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whose turn it is."""
        while self._turns and (step >= self._until or self._agent not in runnable):
            self._agent, effects = self._turns.pop(0)
            self._until = step + effects
        if self._agent in runnable and self._agent is not None and step < self._until:
            return self._agent
        return current if current in runnable and current is not None else runnable[0]


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
        self._begun: Counter[tuple[str, str]] = Counter()

    def about_to(self, agent: str, effect: Effect) -> None:
        """To be told of each effect before the choice that precedes it."""
        self._begun[agent, pattern_of(effect.label())] += 1

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whose turn it is."""
        while self._stops:
            agent, label, occurrence = self._stops[0]
            is_there = label is not None and self._begun[agent, label] >= occurrence
            if agent in runnable and not is_there:
                return agent
            self._stops.pop(0)
        return current if current in runnable and current is not None else runnable[0]
