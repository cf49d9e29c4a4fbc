"""Turns: who runs for how many effects, one after the other; what a trace comes down to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from proofs.harness.trace import Step
from strategies.interleavings import Turn


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
