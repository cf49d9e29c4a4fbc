"""Which pairs of conflicting effects were met, in which order: how much of all orders was seen.

An order of a whole run is nearly always a new one; of neighbouring pairs there are few enough to be
counted, and that one came before the other for the first time says that something new was tried.
After the alias coverage of Xu and others ("Krace: Data Race Fuzzing for Kernel File Systems", S&P
2020), with effects in place of instructions.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from proofs.harness.conflicts import Aspect, Seen, Way, ways_conflict
from proofs.harness.turns import pattern_of

Pair = tuple[str, str]
"""An effect, and a conflicting one of another agent that came next."""

_NAME: Final = re.compile(r"(?<![A-Za-z0-9])([atn])\d+(?![A-Za-z0-9])")


def pairs_of(seen: Seen) -> set[Pair]:
    """Of each thing that two agents touched in turn, the two effects, without names of agents and
    tasks. Attempts that had to wait are left out.
    """
    found: set[Pair] = set()
    latest: dict[tuple[Aspect, str], dict[Way, Pair]] = {}
    for step, touched in seen:
        if step.waits:
            continue
        label = _plain(step.effect.label())
        for touch in touched:
            users = latest.setdefault(touch.thing, {})
            for way, (agent, before) in users.items():
                if agent != step.agent and ways_conflict(way, touch.way):
                    found.add((before, label))
            users[touch.way] = (step.agent, label)
    return found


@lru_cache(maxsize=4096)
def _plain(label: str) -> str:
    return _NAME.sub(r"\1*", pattern_of(label))


def met(pairs: Collection[Pair]) -> int:
    """How many pairs of two different effects met, in whichever order."""
    return len({frozenset(pair) for pair in pairs if pair[0] != pair[1]})


def in_both_orders(pairs: Collection[Pair]) -> int:
    """How many of these were seen in both orders. Some cannot be: a file is made, then read."""
    return sum((after, before) in pairs for before, after in pairs if before != after) // 2
