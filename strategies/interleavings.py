"""Interleavings: which agent runs next, and for how many effects, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from strategies import reading

__all__ = [
    "Interleaved",
    "Interleaving",
    "Stop",
    "Turn",
    "few_switches",
    "interleavings",
    "priority_changes",
    "random_walks",
    "turn_by_turn",
]

_NEEDS: Final = {
    **{kind: (kind,) for kind in ("switches", "turns", "stops")},
    "walk": ("seed",),
    "pct": ("seed", "changes", "effects"),
}
KINDS: Final = tuple(_NEEDS)

Turn = tuple[str, int]
"""An agent, and how many of its own effects it goes on for."""

Stop = tuple[str, str | None, int]
"""An agent that goes on until it is about to do the effect of this label for the n-th time, or
until it cannot go on; label None: until it cannot go on."""


@dataclass(frozen=True, slots=True)
class Interleaving:
    """How a scheduler is to choose. ``kind`` is one of:

    - "switches": at the effects of these numbers these agents go on, else whoever runs goes on;
    - "turns": these agents run for so many of their own effects, one after the other;
    - "stops": these agents run until they stand before these effects, one after the other;
    - "walk": at each effect a switch, by the chance of ``seed``, once in five;
    - "pct": by random priorities, with ``changes`` falls to the lowest within ``effects`` effects.
    """

    kind: str = "switches"
    switches: tuple[tuple[int, str], ...] = ()
    turns: tuple[Turn, ...] = ()
    stops: tuple[Stop, ...] = ()
    seed: int = 0
    changes: int = 0
    effects: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON, with what its kind needs."""
        if self.kind == "switches":
            return {"kind": self.kind, "switches": [list(switch) for switch in self.switches]}
        if self.kind == "turns":
            return {"kind": self.kind, "turns": [list(turn) for turn in self.turns]}
        if self.kind == "stops":
            return {"kind": self.kind, "stops": [_stop_to_json(stop) for stop in self.stops]}
        if self.kind == "walk":
            return {"kind": self.kind, "seed": self.seed}
        counts = {"changes": self.changes, "effects": self.effects}
        return {"kind": self.kind, "seed": self.seed, **counts}

    @staticmethod
    def from_json(fields: object) -> Interleaving:
        """The inverse of ``to_json``. Raises ValueError for what cannot be followed."""
        if not isinstance(fields, dict):
            reading.refuse("interleaving", "be an object", fields)
        kind = reading.one_of(fields.get("kind", "switches"), "kind", KINDS)
        given = reading.members(fields, f"interleaving by {kind}", _NEEDS[kind], ["kind"])
        read = {name: _READERS[name](given[name]) for name in _NEEDS[kind]}
        return Interleaving(kind, **read)


def _stop_to_json(stop: Stop) -> list[Any]:
    agent, label, occurrence = stop
    return [agent, "to the end"] if label is None else [agent, "before", label, occurrence]


def _stop_from_json(stop: object) -> Stop:
    agent, where, *effect = [*reading.items(stop, "a stop", 4), None, None][:4]
    name = reading.text(agent, "the agent of a stop")
    if where == "to the end" and effect == [None, None]:
        return (name, None, 0)
    if where != "before":
        reading.refuse("a stop", 'be [agent, "to the end"] or [agent, "before", label, n]', stop)
    label, occurrence = effect
    return (name, reading.text(label, "a label"), reading.whole(occurrence, "n of a stop", 1))


def _turn(turn: object) -> Turn:
    agent, effects = _two(turn, "a turn", "[agent, effects]")
    return reading.text(agent, "the agent of a turn"), reading.whole(effects, "effects of a turn")


def _switch(switch: object) -> tuple[int, str]:
    number, agent = _two(switch, "a switch", "[number, agent]")
    return reading.whole(number, "number of a switch"), reading.text(agent, "agent of a switch")


def _two(value: object, name: str, rule: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        reading.refuse(name, f"be {rule}", value)
    return value


_READERS: Final[dict[str, Callable[[object], Any]]] = {
    "switches": lambda value: tuple(map(_switch, reading.items(value, "switches"))),
    "turns": lambda value: tuple(map(_turn, reading.items(value, "turns"))),
    "stops": lambda value: tuple(map(_stop_from_json, reading.items(value, "stops"))),
    "seed": lambda value: reading.whole(value, "seed", most=reading.SEED_MAX),
    "changes": lambda value: reading.whole(value, "changes", most=1000),
    "effects": lambda value: reading.whole(value, "effects"),
}


Interleaved = Callable[[Sequence[str], int], st.SearchStrategy[Interleaving]]
"""Interleavings of these agents in a run of about so many effects."""

_SEEDS: Final = st.integers(0, 2**32 - 1)


def interleavings(
    agents: Sequence[str], *, effects: int = 150, preemptions_max: int = 3
) -> st.SearchStrategy[Interleaving]:
    """A mixture: a few switches at given effects, random walks, PCT; shrinks to no switch at all.

    ``effects`` is about how many effects a run has, all agents together.
    """
    return st.one_of(
        few_switches(agents, effects=effects, preemptions_max=preemptions_max),
        random_walks(),
        priority_changes(effects=effects, preemptions_max=preemptions_max),
    )


def few_switches(
    agents: Sequence[str], *, effects: int = 150, preemptions_max: int = 3
) -> st.SearchStrategy[Interleaving]:
    """Up to so many switches at given effects; shrinks to none."""
    switch = st.tuples(st.integers(0, effects), st.sampled_from(list(agents)))
    return st.lists(switch, max_size=preemptions_max, unique_by=lambda one: one[0]).map(
        lambda found: Interleaving(switches=tuple(sorted(found)))
    )


def random_walks() -> st.SearchStrategy[Interleaving]:
    """At each effect a switch, by chance."""
    return st.builds(Interleaving, kind=st.just("walk"), seed=_SEEDS)


def priority_changes(
    *, effects: int = 150, preemptions_max: int = 3
) -> st.SearchStrategy[Interleaving]:
    """By random priorities, with a few changes of them.

    After Burckhardt and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding
    Bugs" (ASPLOS 2010).
    """
    return st.builds(
        Interleaving,
        kind=st.just("pct"),
        seed=_SEEDS,
        changes=st.integers(0, preemptions_max),
        effects=st.just(effects),
    )


def turn_by_turn(
    agents: Sequence[str], *, turns_max: int = 10, effects_max: int = 40
) -> st.SearchStrategy[Interleaving]:
    """Up to ``turns_max`` turns of up to ``effects_max`` effects; shrinks to no switch at all.

    Nothing of them is hidden in a seed, so they become small one turn and one effect at a time,
    also where the runs are part of something larger that Hypothesis makes smaller as well.
    """
    turn = st.tuples(st.sampled_from(list(agents)), st.integers(1, effects_max))
    return st.lists(turn, max_size=turns_max).map(
        lambda turns: Interleaving(kind="turns", turns=tuple(turns))
    )
