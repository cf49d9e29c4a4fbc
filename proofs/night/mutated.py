"""Interleavings near to one that reached something new: its turns cut, moved, crossed, dropped.

As a fuzzer of inputs does with inputs that reached new code (Zalewski, "American Fuzzy Lop").
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from proofs.harness.turns import joined
from strategies.interleavings import Interleaving, Turn
from strategies.scenarios import Scenario

EFFECTS_MAX: Final = 40
"""So much a turn that is put in goes on, about a call."""

Turns = tuple[Turn, ...]


def mutated(chance: random.Random, scenario: Scenario, other: Scenario) -> Scenario:
    """The same with one to three changes of its turns; ``other`` is another of the corpus."""
    turns = scenario.interleaving.turns
    for _ in range(chance.choice([1, 1, 2, 3])):
        turns = chance.choice(_WAYS)(chance, turns, scenario.agents, other.interleaving.turns)
    return replace(scenario, interleaving=Interleaving(kind="turns", turns=joined(turns)))


def _cut(chance: random.Random, turns: Turns, agents: Sequence[str], _: Turns) -> Turns:
    """Somebody goes on in the middle of a turn."""
    at = chance.randrange(len(turns)) if turns else 0
    put_in = (chance.choice(agents), chance.randint(1, EFFECTS_MAX))
    if not turns or turns[at][1] < 2:
        return (*turns[:at], put_in, *turns[at:])
    agent, effects = turns[at]
    first = chance.randrange(1, effects)
    return (*turns[:at], (agent, first), put_in, (agent, effects - first), *turns[at + 1 :])


def _moved(chance: random.Random, turns: Turns, agents: Sequence[str], other: Turns) -> Turns:
    """A turn ends a little earlier or later."""
    if not turns:
        return _cut(chance, turns, agents, other)
    at = chance.randrange(len(turns))
    agent, effects = turns[at]
    effects = max(1, effects + chance.choice([-8, -3, -2, -1, 1, 2, 3, 8]))
    return (*turns[:at], (agent, effects), *turns[at + 1 :])


def _swapped(chance: random.Random, turns: Turns, agents: Sequence[str], other: Turns) -> Turns:
    """Two turns the other way round."""
    if len(turns) < 2:
        return _cut(chance, turns, agents, other)
    at = chance.randrange(len(turns) - 1)
    return (*turns[:at], turns[at + 1], turns[at], *turns[at + 2 :])


def _dropped(chance: random.Random, turns: Turns, _: Sequence[str], __: Turns) -> Turns:
    """One turn less."""
    at = chance.randrange(len(turns)) if turns else 0
    return turns[:at] + turns[at + 1 :]


def _crossed(chance: random.Random, turns: Turns, _: Sequence[str], other: Turns) -> Turns:
    """It begins as the one and goes on as the other; turns of nobody are passed over."""
    return turns[: chance.randint(0, len(turns))] + other[chance.randint(0, len(other)) :]


_WAYS: Final[tuple[Callable[..., Turns], ...]] = (_cut, _cut, _moved, _swapped, _dropped, _crossed)
