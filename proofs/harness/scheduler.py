"""Schedulers: what chooses, before each effect, which agent goes on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol


class Scheduler(Protocol):
    """Chooses once for every effect; the same choices from the same questions."""

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """One of ``runnable``, which are sorted and never empty.

        ``current`` is the agent that ran last, None at the start; it is among ``runnable`` unless
        it is done or has to wait. ``step`` counts the effects so far.
        """
        ...


class RandomWalk:
    """Switches at each effect with one and the same probability, to any agent alike."""

    def __init__(self, seed: int, switch_probability: float = 0.2) -> None:
        self._random = random.Random(seed)
        self._switch_probability = switch_probability

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Stay, or go anywhere."""
        stays = current in runnable and self._random.random() >= self._switch_probability
        return current if stays and current else self._random.choice(runnable)


class PriorityChanges:
    """PCT: agents run by random priorities; at a few random effects the one that runs falls last.

    After Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
    Guarantees of Finding Bugs" (ASPLOS 2010): a bug of depth d is found with a probability of at
    least 1 / (n k^(d-1)) for n agents and k effects. ``effects`` is an estimate of k.
    """

    def __init__(self, seed: int, changes: int = 2, effects: int = 100) -> None:
        self._random = random.Random(seed)
        self._at = {self._random.randrange(1, max(2, effects)) for _ in range(changes)}
        self._priorities: dict[str, float] = {}
        self._lowest = 0.0

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """The one of the highest priority."""
        for agent in runnable:
            self._priorities.setdefault(agent, self._random.random())
        if step in self._at and current is not None:
            self._lowest -= 1
            self._priorities[current] = self._lowest
        return max(runnable, key=lambda agent: self._priorities[agent])


class Switches:
    """Runs each agent as long as it can, but for switches at given effects.

    What a recorded run is replayed by, and what is left of it once it is minimised: the number of
    an effect, and who goes on there. A switch to an agent that cannot run is passed over.
    """

    def __init__(self, at: Mapping[int, str]) -> None:
        self._at = dict(at)

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whom the switches name, else the one that ran last, else the first."""
        wanted = self._at.get(step, current)
        if wanted in runnable and wanted is not None:
            return wanted
        return current if current in runnable and current is not None else runnable[0]
