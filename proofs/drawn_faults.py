"""Faults at the effects of a run that was recorded, drawn by a seed and without Hypothesis."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from proofs.harness.nemesis import strikes
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

KINDS: Final = ("error", "error", "error", "write", "interruption", "stop", "clocks")
"""The kinds of faults that can happen to threads, in the shares in which they are drawn."""

KILLS: Final = ("kill",)

KINDS_OF_PROCESSES: Final = (*KINDS, *KILLS * 3)


def drawn_faults(
    chance: random.Random, trace: Sequence[Step], kinds: Sequence[str], *, lease_seconds: float
) -> tuple[Fault, ...]:
    """None, one, or two of these kinds, each at an effect of this run."""
    return tuple(
        _one(chance, trace, chance.choice(kinds), lease_seconds)
        for _ in range(chance.choice([0, 1, 1, 1, 1, 1, 2]))
    )


def _one(chance: random.Random, trace: Sequence[Step], kind: str, lease_seconds: float) -> Fault:
    """A fault of this kind, or a stop where no effect can meet one."""
    steps = [step for step in trace if errors_at(_label(step))]
    if kind == "write":
        steps = [step for step in steps if step.effect.kind == "write"]
    if kind not in ("error", "write") or not steps:
        return _signalled(chance, trace, _signal(chance, kind, lease_seconds))
    step, lasts = chance.choice(steps), chance.random() < 0.3
    errors = errors_at(_label(step))
    if kind == "write":
        return fault_at(step, trace, "middle", chance.choice([SHORT_WRITE, *errors]), lasts)
    when: When = chance.choice(["before", "after"])
    return fault_at(step, trace, when, chance.choice(errors), lasts)


def _signalled(chance: random.Random, trace: Sequence[Step], what: str) -> Fault:
    """This signal at any effect: mostly before it, at times after it, and a kill amid a write."""
    step = chance.choice(trace)
    whens: list[When] = ["before", "before", "after"]
    if what == KILL and step.effect.kind == "write":
        whens.append("middle")
    return fault_at(step, trace, chance.choice(whens), what)


def _signal(chance: random.Random, kind: str, lease_seconds: float) -> str:
    """What happens to an agent rather than to its effect."""
    if kind == "interruption":
        return chance.choice(INTERRUPTIONS)
    if kind == "kill":
        return KILL
    if kind == "clocks":
        leases = chance.choice([-50, -2, -1, 1, 2, 50])
        return set_clocks_by(leases * lease_seconds)
    return stop_for(2 * lease_seconds)


def fault_at(
    step: Step, trace: Sequence[Step], when: When, what: str, lasts: bool = False
) -> Fault:
    """The fault at this very step, if the run goes the same way up to it."""
    first = Fault(step.agent, when, _label(step), 1, what, lasts)
    met = [one for one in trace if strikes(first, one.agent, one.effect)]
    occurrence = 1 + next((n for n, one in enumerate(met) if one is step), 0)
    return Fault(step.agent, when, _label(step), occurrence, what, lasts)


def _label(step: Step) -> str:
    return pattern_of(step.effect.label())
