"""A trace: the effects of all agents in the order in which they happened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

from proofs.harness.clock import POLL_SECONDS_MAX
from proofs.harness.effects import Effect

CLOCKS: Final = "clocks"
"""The kind of the effect that sets all calendars."""

SIGNALS: Final = frozenset({"SIGKILL", "SIGSTOP", "SIGTERM", "KeyboardInterrupt", CLOCKS})
"""The kinds of effects that are faults themselves."""

KINDS_OF_FAULTS: Final = (
    *("error", "short write", "lie", "interruption"),
    *("stop", "kill", "clock jump"),
)

_NAMES: Final = {"SIGKILL": "kill", "SIGSTOP": "stop", CLOCKS: "clock jump"}
_POLLS: Final = frozenset({"open", "close", "flock", "lockf"})


class Step(NamedTuple):
    """One effect of one agent.

    ``waits`` tells that the agent has to wait then: for a lock that is held, or for a pause to end.
    ``made`` tells that an open made a file that was not there. ``fault`` tells when a fault struck
    it, and which, as "before: ENOSPC".
    """

    agent: str
    effect: Effect
    error: str | None = None
    waits: bool = False
    made: bool = False
    fault: str | None = None

    @property
    def happened(self) -> bool:
        """Whether it took place, perhaps by half: it raised nothing, or only afterwards."""
        return self.error is None or not (self.fault or "before").startswith("before")

    @property
    def changed(self) -> bool:
        """Whether it did what others may see."""
        return self.effect.changes and self.happened and not self.waits

    @property
    def is_struck(self) -> bool:
        """Whether a fault happened to it, or it is one itself."""
        return self.fault is not None or self.effect.kind in SIGNALS

    @property
    def kind_of_fault(self) -> str:
        """Which of ``KINDS_OF_FAULTS`` it is, or struck it."""
        if self.effect.kind in SIGNALS:
            return _NAMES.get(self.effect.kind, "interruption")
        is_error = self.error is not None
        return "error" if is_error else "lie" if self.effect.kind == "fsync" else "short write"

    @property
    def is_of_a_poll(self) -> bool:
        """Whether one who only looks whether a lock is free does such things too."""
        effect = self.effect
        is_of_threads = bool(effect.paths) and effect.paths[0].startswith("<")
        return is_of_threads or (effect.kind in _POLLS and not self.made)

    @property
    def sleeps(self) -> float:
        """For how many seconds, if it is the beginning of a sleep."""
        return float(self.effect.detail.split()[0]) if self.effect.kind == "sleep" else 0.0

    def wakes(self, waiting: Step) -> bool:
        """Whether another agent that waits since that step may go on by this one.

        It may also go on because its time has come, which is not told here.
        """
        if waiting.effect.kind == "sleep":
            return self.changed and waiting.sleeps <= POLL_SECONDS_MAX
        return self.changed and not set(self.effect.paths).isdisjoint(waiting.effect.paths)

    def label(self) -> str:
        """One line."""
        return f"{self.agent}: {self.effect.label()}{self.ending(waits='waits')}"

    def ending(self, waits: str) -> str:
        """What came of it, in brackets, if that was not what it was to do."""
        words = [waits] if self.waits else [self.error] if self.error else []
        if self.fault:
            words.append(f"fault {self.fault}")
        return f" ({', '.join(words)})" if words else ""


made_step: Final = partial(tuple.__new__, Step)
"""A step of all its fields, in a tuple; takes half as long, and one is made at each effect."""


def switches(trace: list[Step]) -> dict[int, str]:
    """At which effects which agent went on in place of another; what ``Switches`` replays."""
    return {
        number: step.agent
        for number, step in enumerate(trace)
        if number == 0 or step.agent != trace[number - 1].agent
    }


def preemptions(trace: Sequence[Step]) -> int:
    """How often an agent was switched away from that could have gone on.

    It could not if it waited, for a lock or for a pause to end, or was at its end.
    """
    return len(preempted_after(trace))


def preempted_after(trace: Sequence[Step]) -> list[int]:
    """The numbers of the steps after which that happened."""
    last = {step.agent: number for number, step in enumerate(trace)}
    return [
        number
        for number, (step, after) in enumerate(pairwise(trace))
        if step.agent != after.agent and last[step.agent] > number and not step.waits
    ]
