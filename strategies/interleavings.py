"""Interleavings: which agent runs next, and for how many effects, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

__all__ = ["Interleaving", "Turn", "interleavings"]

Turn = tuple[str, int]
"""An agent, and how many of its own effects it goes on for."""


@dataclass(frozen=True, slots=True)
class Interleaving:
    """How a scheduler is to choose. ``kind`` is one of:

    - "switches": at the effects of these numbers these agents go on, else whoever runs goes on;
    - "turns": these agents run for so many of their own effects, one after the other;
    - "walk": at each effect a switch, by the chance of ``seed``, once in five;
    - "pct": by random priorities, with ``changes`` falls to the lowest within ``effects`` effects.
    """

    kind: str = "switches"
    switches: tuple[tuple[int, str], ...] = ()
    turns: tuple[Turn, ...] = ()
    seed: int = 0
    changes: int = 0
    effects: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON, with what its kind needs."""
        if self.kind == "switches":
            return {"kind": self.kind, "switches": [list(switch) for switch in self.switches]}
        if self.kind == "turns":
            return {"kind": self.kind, "turns": [list(turn) for turn in self.turns]}
        if self.kind == "walk":
            return {"kind": self.kind, "seed": self.seed}
        counts = {"changes": self.changes, "effects": self.effects}
        return {"kind": self.kind, "seed": self.seed, **counts}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> Interleaving:
        """The inverse of ``to_json``."""
        switches = tuple((number, agent) for number, agent in fields.get("switches", ()))
        turns = tuple((agent, effects) for agent, effects in fields.get("turns", ()))
        return Interleaving(**{**fields, "switches": switches, "turns": turns})


def interleavings(
    agents: Sequence[str], *, effects: int = 150, preemptions_max: int = 3
) -> st.SearchStrategy[Interleaving]:
    """A mixture: a few switches at given effects, random walks, PCT; shrinks to no switch at all.

    ``effects`` is about how many effects a run has, all agents together.
    """
    switch = st.tuples(st.integers(0, effects), st.sampled_from(list(agents)))
    seeds = st.integers(0, 2**32 - 1)
    return st.one_of(
        st.lists(switch, max_size=preemptions_max, unique_by=lambda one: one[0]).map(
            lambda found: Interleaving(switches=tuple(sorted(found)))
        ),
        st.builds(Interleaving, kind=st.just("walk"), seed=seeds),
        st.builds(
            Interleaving,
            kind=st.just("pct"),
            seed=seeds,
            changes=st.integers(0, preemptions_max),
            effects=st.just(effects),
        ),
    )
