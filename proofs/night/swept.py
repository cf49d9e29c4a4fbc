"""A fault at each effect of a run, one in each of many runs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from proofs.drawn_faults import fault_at
from proofs.harness.gates import GateName
from proofs.harness.trace import Step
from proofs.harness.turns import pattern_of
from strategies.faults import (
    INTERRUPTIONS,
    KILL,
    SHORT_WRITE,
    Fault,
    When,
    errors_at,
    set_clocks_by,
    stop_for,
)

LEASE_SECONDS_MAX: Final = 43_200.0
"""Where claims never lapse, an agent is stopped for twice as long."""


def swept(
    chance: random.Random, trace: Sequence[Step], gate: GateName, lease_seconds: float
) -> Iterator[Fault]:
    """At each effect one of all that can strike it there, in any order."""
    steps = list(trace)
    chance.shuffle(steps)
    for step in steps:
        when, what = chance.choice(list(_at(step, gate, lease_seconds)))
        yield fault_at(step, trace, when, what, lasts=_can_last(what) and chance.random() < 0.2)


def _at(step: Step, gate: GateName, lease_seconds: float) -> Iterator[tuple[When, str]]:
    errors = errors_at(pattern_of(step.effect.label()))
    for error in errors:
        yield "before", error
        yield "after", error
    if step.effect.kind == "write":
        for what in (SHORT_WRITE, *errors):
            yield "middle", what
    leases = 2 * min(lease_seconds, LEASE_SECONDS_MAX)
    kills = [KILL] * (1 + len(errors)) if gate == "processes" else []
    clocks = (set_clocks_by(-leases), set_clocks_by(leases))
    for what in (*INTERRUPTIONS, *kills, stop_for(leases), *clocks):
        yield "before", what
    for what in (*INTERRUPTIONS, *kills[:2]):
        yield "after", what
    if step.effect.kind == "write":
        for what in kills[:2]:
            yield "middle", what


def _can_last(what: str) -> bool:
    return what not in (KILL, *INTERRUPTIONS) and " " not in what
