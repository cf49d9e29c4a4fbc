"""The decisions of a gate: who goes on next, who waits for what, when time passes, when to give up.

Pure: no threads, no processes, no files. In threads all agents share one. In processes each agent
has one, made alike, and its state is handed over together with the right to run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from proofs.harness.clock import EFFECT_NS, SharedTime
from proofs.harness.effects import Effect
from proofs.harness.guard.watch import Watch
from proofs.harness.scheduler import Scheduler
from proofs.harness.trace import Step

EFFECTS_MAX = 20_000
"""After so many effects of all agents a run is given up."""

TURN_EFFECTS_MAX = 500
"""After so many effects in a row an agent gives way, so that one that spins stops nobody."""


class RunAbortedError(BaseException):
    """Raised within agents whose run is over; not an Exception, so that no board catches it."""


class StuckError(Exception):
    """Nobody can go on, or nobody comes to an end; says who waits for what."""


@dataclass(slots=True)
class _Standing:
    """How one agent stands: what it is about to do, and until when or for what it waits.

    ``has_asked`` tells that it goes on with that once chosen; else it asks first.
    """

    has_asked: bool = False
    is_done: bool = False
    is_waiting: bool = False
    pending: Effect | None = None
    wakes_at_ns: int | None = None
    waiting_paths: frozenset[str] | None = None

    def state(self) -> tuple[Any, ...]:
        """As plain values."""
        pending = None if self.pending is None else tuple(self.pending)
        waits = (self.is_waiting, self.wakes_at_ns, self.waiting_paths)
        return (self.has_asked, self.is_done, pending, *waits)

    def restore(self, state: tuple[Any, ...]) -> None:
        """The inverse of ``state``."""
        self.has_asked, self.is_done, pending, *waits = state
        self.pending = None if pending is None else Effect(*pending)
        self.is_waiting, self.wakes_at_ns, self.waiting_paths = waits

    def may_go_on_after(self, effect: Effect) -> bool:
        """Whether this change may let it go on; a sleeper looks again after any change."""
        return self.waiting_paths is None or not self.waiting_paths.isdisjoint(effect.paths)


class Scheduling:
    """The state of one run.

    ``stuck`` says why it was given up, in words, if it was; ``effects`` counts what happened.
    ``asks_at`` is the effect ``before`` which the one that runs must ask who goes on; until then
    there is nothing to choose. ``watch`` is there in a guarded run; ``aliases`` are what parts of
    names are called in traces.
    """

    def __init__(
        self,
        agents: Iterable[str],
        scheduler: Scheduler,
        time: SharedTime,
        *,
        effects_max: int = EFFECTS_MAX,
        watch: Watch | None = None,
    ) -> None:
        self.time = time
        self.effects = 0
        self.stuck: str | None = None
        self.is_over = False
        self.watch = watch
        self.aliases: dict[str, str] = {}
        self._scheduler = scheduler
        self._about_to = getattr(scheduler, "about_to", None)  # most look at no effect
        self._effects_max = effects_max
        self._standings = {name: _Standing() for name in sorted(agents)}
        self._runnable = list(self._standings)
        self._current: str | None = None
        self._turn_effects = 0
        self._somebody_waits = False
        self._asked_at = 0
        self.asks_at = 0

    def state(self) -> tuple[Any, ...]:
        """All that has changed since it was made, as plain values."""
        return (
            (self.time.now_ns, self.effects, self.stuck, self.is_over, self.asks_at),
            (self._current, self._turn_effects, self._asked_at),
            self._scheduler.state(),
            [standing.state() for standing in self._standings.values()],
            (self.aliases, None if self.watch is None else self.watch.state()),
        )

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go on where one that was made alike was in this state."""
        seen, turn, scheduler, standings, (aliases, watch) = state
        self._current, self._turn_effects, self._asked_at = turn
        self._scheduler.restore(scheduler)
        for standing, its_state in zip(self._standings.values(), standings, strict=True):
            standing.restore(its_state)
        self._list_runnable()
        self.aliases.update(aliases)
        if self.watch is not None:
            self.watch.restore(watch)
        self.time.now_ns, self.effects, self.stuck, self.is_over, self.asks_at = seen

    def first(self) -> str:
        """Who begins."""
        return self._choose()

    def before(self, agent: str, effect: Effect) -> str:
        """``agent`` is about to do this: who goes on. Raises ``RunAbortedError``."""
        standing = self._standings[agent]
        standing.pending, standing.has_asked = effect, True
        if self.effects >= self._effects_max:
            self._give_up(f"after {self.effects} effects nobody has come to an end")
        if self.is_over:
            raise RunAbortedError
        if self._about_to is not None:
            self._about_to(agent, effect)
        return self._choose()

    def after(self, step: Step) -> None:
        """The effect is done: time goes on, and whoever waited for it may go on."""
        self.effects += 1
        self.time.now_ns += EFFECT_NS
        if self._somebody_waits and step.effect.changes and step.error is None and not step.waits:
            self._wake_by(step)

    def _wake_by(self, step: Step) -> None:
        for name, standing in self._standings.items():
            waits = standing.is_waiting and name != step.agent
            if waits and standing.may_go_on_after(step.effect):
                self._wake(standing)

    def park(
        self,
        agent: str,
        effect: Effect,
        *,
        wakes_at_ns: int | None,
        paths: frozenset[str] | None,
    ) -> str:
        """``agent`` cannot go on until it is woken: who does. Raises ``RunAbortedError``.

        It is woken by a change to one of ``paths`` (None: any change), or by time.
        """
        if self.is_over:
            raise RunAbortedError
        standing = self._standings[agent]
        standing.pending, standing.has_asked, standing.is_waiting = effect, False, True
        standing.wakes_at_ns, standing.waiting_paths = wakes_at_ns, paths
        self._list_runnable()
        if not self._somebody_can_run():
            raise RunAbortedError
        return self._choose()

    def end(self, agent: str, *, failed: bool = False) -> str | None:
        """``agent`` is done: who goes on, None if all are done.

        Once a run is over (somebody failed, or it is stuck) those that are left go on one after
        the other, to unwind.
        """
        self._standings[agent].is_done = True
        self.is_over, self.asks_at = self.is_over or failed, 0
        self._list_runnable()
        left = [name for name, standing in self._standings.items() if not standing.is_done]
        if not left:
            return None
        if self.is_over or not self._somebody_can_run():
            return left[0]
        return self._choose()

    def _choose(self) -> str:
        runnable, now = self._runnable, self.effects
        self._turn_effects += max(1, now - self._asked_at)
        gives_way = self._turn_effects > TURN_EFFECTS_MAX and len(runnable) > 1
        if gives_way:
            runnable = [name for name in runnable if name != self._current]
        chosen = self._scheduler.choose(now, self._current, runnable)
        if chosen != self._current:
            self._current, self._turn_effects = chosen, 0
        self._asked_at, self.asks_at = now, now
        if self._standings[chosen].has_asked:
            left = 1 if gives_way else max(1, TURN_EFFECTS_MAX + 1 - self._turn_effects)
            self.asks_at = min(self._scheduler.stays_until(now), now + left, self._effects_max)
        return chosen

    def _somebody_can_run(self) -> bool:
        """If need be by letting time pass; else the run is given up."""
        if not self._runnable and not self._let_time_pass():
            self._give_up("nobody can go on")
        return not self.is_over

    def _let_time_pass(self) -> bool:
        """Wake the one that waits for the earliest moment, if any waits for one."""
        moments = [
            (standing.wakes_at_ns, name)
            for name, standing in self._standings.items()
            if standing.is_waiting and not standing.is_done and standing.wakes_at_ns is not None
        ]
        if not moments:
            return False
        moment, name = min(moments)
        self.time.now_ns = max(self.time.now_ns, moment)
        self._wake(self._standings[name])
        return True

    def _wake(self, standing: _Standing) -> None:
        standing.is_waiting = False
        self._list_runnable()

    def _list_runnable(self) -> None:
        self.asks_at = 0
        self._somebody_waits = any(one.is_waiting for one in self._standings.values())
        self._runnable = [
            name
            for name, standing in self._standings.items()
            if not standing.is_done and not standing.is_waiting
        ]

    def _give_up(self, reason: str) -> None:
        waiting = [
            f"{name} before {standing.pending.label()}"
            for name, standing in self._standings.items()
            if not standing.is_done and standing.pending is not None
        ]
        self.is_over, self.asks_at = True, 0
        self.stuck = self.stuck or f"{reason}: {'; '.join(waiting)}"
