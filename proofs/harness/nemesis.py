"""The nemesis: makes the faults of a scenario happen, each at the effect that it names.

It decides by labels and counts alone, so a scenario has the same faults at every gate. What it
counts travels with the state of the run, as all that decides one does.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from proofs.harness.effects import Effect
from proofs.harness.scheduling import process_of
from proofs.harness.trace import CLOCKS, SIGNALS, Step
from proofs.harness.turns import pattern_of
from strategies.faults import ANY, ERRORS, INTERRUPTIONS, KILL, LYING_SYNC, SHORT_WRITE, Fault

T = TypeVar("T")

STOP = "SIGSTOP"
_BY_DESCRIPTOR = frozenset({"close", "flock", "fsync", "lockf", "read", "write"})
_EXIT_CODE = 128 + 15  # of who was ended by SIGTERM, as a shell tells it


class Struck(Protocol):
    """What the nemesis asks of an agent that it strikes."""

    name: str
    halves: bool

    @property
    def root(self) -> Path:
        """The board's directory."""
        ...

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """Stop before an effect, then let it happen."""
        ...

    def perform_struck(
        self, effect: Effect, act: Callable[[], T], told: str, *, may_wait: bool = False
    ) -> T:
        """The same for one that a fault happens to, which is told in the trace."""
        ...

    def die(self, effect: Effect) -> NoReturn:
        """The process ends by SIGKILL."""
        ...

    def stop(self, effect: Effect, seconds: float) -> None:
        """The whole process goes on only once so much time has passed."""
        ...

    def set_clocks(self, effect: Effect, seconds: float) -> None:
        """The calendars of all agents are set by so much."""
        ...


@dataclass(slots=True)
class Nemesis:
    """What has become of the faults of one run."""

    faults: tuple[Fault, ...]
    counts: list[int]
    striking: set[str]

    @staticmethod
    def of(faults: Sequence[Fault]) -> Nemesis | None:
        """None where nothing goes wrong."""
        return Nemesis(tuple(faults), [0] * len(faults), set()) if faults else None

    def state(self) -> tuple[int, ...]:
        """How often each fault's effect was met."""
        return tuple(self.counts)

    def restore(self, state: tuple[int, ...]) -> None:
        """The faults are the same."""
        self.counts = list(state)

    def interrupts(self, raised: BaseException) -> bool:
        """Whether this is what a signal of one of the faults raises."""
        kinds = {"KeyboardInterrupt": KeyboardInterrupt, "SIGTERM": SystemExit}
        return any(isinstance(raised, kinds[f.what]) for f in self.faults if f.what in kinds)

    def due(self, agent: str, effect: Effect) -> Fault | None:
        """The first fault that is to happen at this effect; to be asked once for each."""
        if agent in self.striking:
            return None
        found = None
        for number, fault in enumerate(self.faults):
            if not strikes(fault, agent, effect):
                continue
            self.counts[number] = count = self.counts[number] + 1
            is_now = count == fault.occurrence or (fault.lasts and count > fault.occurrence)
            if is_now and found is None:
                found = fault
        return found

    def strike(
        self,
        agent: Struck,
        fault: Fault,
        effect: Effect,
        act: Callable[[], T],
        *,
        may_wait: bool,
    ) -> T:
        """Let the effect happen as the fault has it, or not at all."""
        name = agent.name
        self.striking.add(name)
        try:
            return _struck(agent, fault, effect, act, may_wait)
        finally:
            self.striking.discard(name)


def strikes(fault: Fault, agent: str, effect: Effect) -> bool:
    """Whether this is an effect that the fault names, and one that it can happen to."""
    if fault.agent not in (ANY, process_of(agent)) or not _can_happen(fault, agent, effect):
        return False
    return _pattern(fault.where).fullmatch(pattern_of(effect.label())) is not None


def of_those_left(
    faults: Iterable[Fault], trace: Sequence[Step], left: Sequence[Step]
) -> Iterator[Fault]:
    """The same faults at the same effects, once only these steps of a trace are left."""
    kept = {id(step) for step in left}
    for fault in faults:
        met = [step for step in trace if strikes(fault, step.agent, step.effect)]
        before = met[: fault.occurrence - 1]
        yield replace(fault, occurrence=1 + sum(id(step) in kept for step in before))


def by_name(fault: Fault, trace: Sequence[Step]) -> Fault:
    """The same by the whole label of its effect, which the trace of a run without it shows."""
    met = [n for n, step in enumerate(trace) if strikes(fault, step.agent, step.effect)]
    if len(met) < fault.occurrence:
        return fault
    at = met[fault.occurrence - 1]
    named = replace(fault, where=pattern_of(trace[at].effect.label()))
    times = sum(strikes(named, step.agent, step.effect) for step in trace[: at + 1])
    return replace(named, occurrence=times)


def is_its_own(step: Step, fault: Fault) -> bool:
    """Whether the step is nothing but this fault."""
    kind = STOP if fault.stops_for_seconds is not None else fault.what
    kind = CLOCKS if fault.sets_clocks_by_seconds is not None else kind
    return step.effect.kind in SIGNALS and kind == step.effect.kind


def clocks_set_by_seconds(step: Step) -> float:
    """By how much this step set the calendars of all agents; back where negative."""
    if step.effect.kind != CLOCKS:
        return 0.0
    _, way, _, seconds, *_ = step.effect.detail.split(" ")
    return -float(seconds) if way == "back" else float(seconds)


def _can_happen(fault: Fault, agent: str, effect: Effect) -> bool:
    if effect.kind in SIGNALS:
        return False
    is_timed = (fault.stops_for_seconds, fault.sets_clocks_by_seconds) != (None, None)
    if fault.what == KILL or is_timed:
        return fault.when != "middle" or effect.kind == "write"
    if fault.what in INTERRUPTIONS:  # which reach the main thread alone, while it is in a call
        return agent == process_of(agent) and effect.kind != "call" and not _is_of_threads(effect)
    if fault.what == LYING_SYNC:
        return effect.kind == "fsync"
    if fault.when == "middle":
        return effect.kind == "write"
    return bool(effect.paths) and not _is_of_threads(effect)


def _is_of_threads(effect: Effect) -> bool:
    """Whether it is on a lock or a thread. What Python builds of these stands no handler that
    raises, and what is left locked in a module outlives the run.
    """
    return bool(effect.paths) and effect.paths[0].startswith("<")


@lru_cache(1000)
def _pattern(where: str) -> re.Pattern[str]:
    """Between two stars the first place that fits is the right one: it never has to go back."""
    first, *others = map(re.escape, where.split("*"))
    between = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile("".join([first, between, *(f".*{part}" for part in others[-1:])]), re.DOTALL)


def _struck(agent: Struck, fault: Fault, effect: Effect, act: Callable[[], T], may_wait: bool) -> T:
    if fault.what in ERRORS or fault.what in (SHORT_WRITE, LYING_SYNC):
        told = f"{'after' if _lets_go(effect) else fault.when}: {fault.what}"
        struck = partial(_act_out, agent, fault, effect, act)
        return agent.perform_struck(effect, struck, told, may_wait=may_wait)
    comes_first = fault.when == "before" and not (fault.what in INTERRUPTIONS and _lets_go(effect))
    if comes_first:
        _meet_signal(agent, fault, effect)
    if fault.when == "middle":
        result = agent.perform_struck(effect, partial(_halved, agent, act), "middle: cut short")
    else:
        result = agent.perform(effect, act, may_wait=may_wait)
    if not comes_first:
        _meet_signal(agent, fault, effect)
    return result


def _lets_go(effect: Effect) -> bool:
    """Whether it gives back what nobody else will: a descriptor, or a lock.

    No Python code can be safe from a handler that raises between two lines of a ``finally``, and
    ``with`` calls the end of a lock before it looks for signals.
    """
    return effect.kind == "close" or "unlock" in (effect.kind, effect.detail)


def _act_out(agent: Struck, fault: Fault, effect: Effect, act: Callable[[], T]) -> T:
    """The effect, or half of it, or nothing, and then the error, if it is one."""
    result: T | None = None
    if fault.when == "after" or _lets_go(effect):  # which it does whatever it answers
        result = act()
    elif fault.when == "middle":
        result = _halved(agent, act)
    if fault.what in ERRORS:
        raise _error(fault.what, effect, agent.root)
    return result  # type: ignore[return-value]  # an fsync that lies answers None, as a true one


def _error(name: str, effect: Effect, root: Path) -> OSError:
    """As the system raises it: calls by descriptor name no file."""
    number = getattr(errno, name)
    if effect.kind in _BY_DESCRIPTOR:
        return OSError(number, os.strerror(number))
    source, *target = (str(root / path) for path in effect.paths)
    return OSError(number, os.strerror(number), source, None, *target)


def _halved(agent: Struck, act: Callable[[], T]) -> T:
    agent.halves = True
    try:
        return act()
    finally:
        agent.halves = False


def _meet_signal(agent: Struck, fault: Fault, effect: Effect) -> None:
    """An effect of its own: when it comes is up to the interleaving."""
    at = f"{'amid' if fault.when == 'middle' else fault.when} {effect.label()}"
    seconds, by_seconds = fault.stops_for_seconds, fault.sets_clocks_by_seconds
    if seconds is not None:
        agent.stop(Effect(STOP, (), f"for {seconds:g} s {at}"), seconds)
    elif by_seconds is not None:
        told = fault.what.removeprefix(f"{CLOCKS} ")
        agent.set_clocks(Effect(CLOCKS, (), f"{told} {at}"), by_seconds)
    elif fault.what == KILL:
        agent.die(Effect(KILL, (), at, changes=True))
    else:
        agent.perform(Effect(fault.what, (), at), _nothing)
        raise SystemExit(_EXIT_CODE) if fault.what == "SIGTERM" else KeyboardInterrupt


def _nothing() -> None:
    """What a signal itself does to the world."""
