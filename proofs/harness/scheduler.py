"""Schedulers: what chooses, before each effect, which agent goes on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from proofs.harness.draws import Draws

NEVER = 1 << 62
"""The number of an effect that no run comes to."""


class Scheduler(Protocol):
    """Chooses for every effect; the same choices from the same questions."""

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """One of ``runnable``, which are sorted and never empty.

        ``current`` is the agent that ran last, None at the start; it is among ``runnable`` unless
        it is done or has to wait. ``step`` counts the effects so far.
        """
        ...

    def stays_until(self, step: int) -> int:
        """At which effect to ask again: until then it lets the one just chosen go on.

        So long as the same agents can run, that is; questions that were left out are as if they had
        been asked.
        """
        ...

    def state(self) -> Any:
        """What the choices so far changed: plain values."""
        ...

    def restore(self, state: Any) -> None:
        """Go on as the one that was in this state, if it was made alike."""
        ...


class RandomWalk:
    """Switches at each effect with one and the same probability, to any agent alike."""

    def __init__(self, seed: int, switch_probability: float = 0.2) -> None:
        self._draws = Draws(seed)
        self._switch_probability = switch_probability
        self._asked_at = 0

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Stay, or go anywhere."""
        self._draws.position += 2 * max(0, step - self._asked_at - 1)  # of questions left out
        self._asked_at = step
        if current is None or current not in runnable:
            return self._any(runnable)
        stays = self._draws.random() >= self._switch_probability
        return current if stays else self._any(runnable)

    def stays_until(self, step: int) -> int:
        """The next effect at which the chance says to switch."""
        return step + 1 + self._draws.passes_until(self._switch_probability)

    def state(self) -> tuple[int, int]:
        """How far the draws are, and when they were last looked at."""
        return (self._draws.position, self._asked_at)

    def restore(self, state: tuple[int, int]) -> None:
        """The seed is the same."""
        self._draws.position, self._asked_at = state

    def _any(self, runnable: Sequence[str]) -> str:
        return runnable[self._draws.below(len(runnable))]


class PriorityChanges:
    """PCT: agents run by random priorities; at a few random effects the one that runs falls last.

    After Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
    Guarantees of Finding Bugs" (ASPLOS 2010): a bug of depth d is found with a probability of at
    least 1 / (n k^(d-1)) for n agents and k effects. ``effects`` is an estimate of k.
    """

    def __init__(self, seed: int, changes: int = 2, effects: int = 100) -> None:
        self._draws = Draws(seed)
        last = max(2, effects) - 1
        self._at = sorted({1 + self._draws.below(last) for _ in range(changes)})
        self._priorities: dict[str, float] = {}
        self._lowest = 0.0

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """The one of the highest priority."""
        for agent in runnable:
            if agent not in self._priorities:
                self._priorities[agent] = self._draws.random()
        if step in self._at and current is not None:
            self._lowest -= 1
            self._priorities[current] = self._lowest
        return max(runnable, key=lambda agent: self._priorities[agent])

    def stays_until(self, step: int) -> int:
        """The next fall."""
        return _next(self._at, step)

    def state(self) -> tuple[int, dict[str, float], float]:
        """How far the draws are, and the priorities."""
        return (self._draws.position, self._priorities, self._lowest)

    def restore(self, state: tuple[int, dict[str, float], float]) -> None:
        """The seed is the same."""
        self._draws.position, self._priorities, self._lowest = state


class Switches:
    """Runs each agent as long as it can, but for switches at given effects.

    What a recorded run is replayed by, and what is left of it once it is minimised: the number of
    an effect, and who goes on there. A switch to an agent that cannot run is passed over.
    """

    def __init__(self, at: Mapping[int, str]) -> None:
        self._at = dict(at)
        self._numbers = sorted(at)

    def choose(self, step: int, current: str | None, runnable: Sequence[str]) -> str:
        """Whom the switches name, else the one that ran last, else the first."""
        wanted = self._at.get(step, current)
        if wanted in runnable and wanted is not None:
            return wanted
        return current if current in runnable and current is not None else runnable[0]

    def stays_until(self, step: int) -> int:
        """The next switch."""
        return _next(self._numbers, step)

    def state(self) -> None:
        """The switches never change."""

    def restore(self, state: None) -> None:
        """Nothing to do."""


def _next(numbers: Sequence[int], step: int) -> int:
    """The first of these that is greater."""
    after = bisect_right(numbers, step)
    return numbers[after] if after < len(numbers) else NEVER
