"""The decisions of a gate: who goes on next, who waits for what, when time passes, when to give up.

Pure: no threads, no processes, no files. In threads all agents share one. In processes each agent
has one, made alike, and its state is handed over together with the right to run.

What is chosen is an agent or a part of one: a thread that it started has a name of its own, that of
the agent and a number, as "a1.1" (see ``agent_of``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proofs.harness.clock import EFFECT_NS, SharedTime
from proofs.harness.effects import Effect
from proofs.harness.guard.watch import Watch
from proofs.harness.scheduler import Scheduler
from proofs.harness.trace import Step

if TYPE_CHECKING:
    from proofs.harness.nemesis import Nemesis

EFFECTS_MAX = 20_000
"""After so many effects of all agents a run is given up."""

LEFT_EFFECTS_MAX = 500
"""So many effects are let happen once all that still runs was left running by agents that are done.
"""

OVERSLEPT_NS_MIN = 1_000_000
"""By how much an agent that polls oversleeps at first."""

PAUSES_KEPT = 50
"""So many pauses in a row in which nothing changes are as long as they are; then who polls
oversleeps, unless an agent is stopped, when it does so at once."""

PAUSES_MAX = 200
"""After so many nobody gets on who only polls, however long: they have overslept for centuries."""

TURN_EFFECTS_MAX = 500
"""After so many effects in a row an agent gives way, so that one that spins stops nobody.

It does to whoever has not gone on for longest, and that one does until it has to wait, or gives way
in its turn. Each time that somebody did it comes sooner, by half, down to ``TURN_EFFECTS_MIN``.
"""

TURN_EFFECTS_MIN = 50

STARVED_TURNS_MAX = 4
"""Who could have gone on and did not for as many effects as so many such turns goes on as well: of
those who poll each may wake the other again and again.
"""


class RunAbortedError(BaseException):
    """Raised within agents whose run is over; not an Exception, so that no board catches it."""


def agent_of(name: str) -> str:
    """The agent that a part belongs to; an agent's name has no dot."""
    return name.partition(".")[0]


def process_of(name: str) -> str:
    """The main thread of the process that a part is a thread of: an agent, or a child of one."""
    above, _, last = name.rpartition(".")
    return above if above and last.isdigit() else name


class StuckError(Exception):
    """Nobody can go on, or nobody comes to an end; says who waits for what."""


@dataclass(slots=True)
class _Standing:
    """How one agent stands: what it is about to do, and until when or for what it waits.

    ``has_asked`` tells that it goes on with that once chosen; else it asks first. Until
    ``stopped_until_ns`` its process is stopped, whatever else it waits for. ``could_at`` is the
    effect before which it went on last, or was woken.
    """

    has_asked: bool = False
    is_done: bool = False
    is_waiting: bool = False
    pending: Effect | None = None
    wakes_at_ns: int | None = None
    waiting_paths: frozenset[str] | None = None
    stopped_until_ns: int | None = None
    could_at: int = 0

    def state(self) -> tuple[Any, ...]:
        """As plain values."""
        pending = None if self.pending is None else tuple(self.pending)
        waits = (self.is_waiting, self.wakes_at_ns, self.waiting_paths, self.stopped_until_ns)
        return (self.has_asked, self.is_done, self.could_at, pending, *waits)

    def restore(self, state: tuple[Any, ...]) -> None:
        """The inverse of ``state``."""
        self.has_asked, self.is_done, self.could_at, pending, *waits = state
        self.pending = None if pending is None else Effect(*pending)
        self.is_waiting, self.wakes_at_ns, self.waiting_paths, self.stopped_until_ns = waits

    @property
    def can_run(self) -> bool:
        """Whether it may be chosen."""
        return not self.is_done and not self.is_waiting and self.stopped_until_ns is None

    @property
    def moment(self) -> int | None:
        """When something about it changes at the latest, if it waits for a moment."""
        if self.is_done or self.stopped_until_ns is not None:
            return None if self.is_done else self.stopped_until_ns
        return self.wakes_at_ns if self.is_waiting else None

    @property
    def polls(self) -> bool:
        """Whether it sleeps for a little, to look again."""
        return self.stopped_until_ns is None and self.is_waiting and self.waiting_paths is None

    def may_go_on_after(self, effect: Effect) -> bool:
        """Whether this change may let it go on; a sleeper looks again after any change."""
        return self.waiting_paths is None or not self.waiting_paths.isdisjoint(effect.paths)


class Scheduling:
    """The state of one run.

    ``stuck`` says why it was given up, in words, if it was; ``effects`` counts what happened.
    ``asks_at`` is the effect ``before`` which the one that runs must ask who goes on; until then
    there is nothing to choose. ``watch`` is there in a guarded run, ``nemesis`` where something
    goes wrong; ``aliases`` are what parts of names are called in traces. ``unseen`` tells in words
    what no gate could see; ``left`` are the parts that agents left running, and what each was about
    to do. Once only such parts are there time stands still for them, and when all of them wait the
    run is over.
    """

    def __init__(
        self,
        agents: Iterable[str],
        scheduler: Scheduler,
        time: SharedTime,
        *,
        effects_max: int = EFFECTS_MAX,
        watch: Watch | None = None,
        nemesis: Nemesis | None = None,
    ) -> None:
        self.time = time
        self.effects = 0
        self.stuck: str | None = None
        self.unseen: list[str] = []
        self.left: list[tuple[str, str]] = []
        self.is_over = False
        self.watch = watch
        self.nemesis = nemesis
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
        self._parts: list[str] = []  # in the order in which they came
        self._wakes_at_ns: int | None = None  # the earliest moment that somebody waits for
        self._pauses = 0  # how often time had to pass since something changed
        self._left_effects_max: int | None = None  # None while an agent's own program runs
        self._acts_next: str | None = None
        self._favoured: str | None = None  # goes on, whatever the scheduler says
        self._unfair = 0  # how often that had to be

    def state(self) -> tuple[Any, ...]:
        """All that has changed since it was made, as plain values."""
        return (
            (self.time.now_ns, self.time.set_ns),
            (self.effects, self.stuck, self.is_over, self.asks_at),
            (self._current, self._turn_effects, self._asked_at, self._pauses),
            (tuple(self._parts), tuple(self.unseen), tuple(self.left), self._left_effects_max),
            (self._favoured, self._unfair, self._scheduler.state()),
            [standing.state() for standing in self._standings.values()],
            (self.aliases, _state(self.watch), _state(self.nemesis)),
        )

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go on where one that was made alike was in this state."""
        time, seen, turn, parts, scheduler, standings, (aliases, watch, nemesis) = state
        self._restore_parts(*parts)
        self._current, self._turn_effects, self._asked_at, self._pauses = turn
        self._favoured, self._unfair, of_scheduler = scheduler
        self._scheduler.restore(of_scheduler)
        for standing, its_state in zip(self._standings.values(), standings, strict=True):
            standing.restore(its_state)
        self._list_runnable()
        self.aliases.update(aliases)
        if self.watch is not None:
            self.watch.restore(watch)
        if self.nemesis is not None:
            self.nemesis.restore(nemesis)
        self._note_earliest()
        self.time.now_ns, self.time.set_ns = time
        self.effects, self.stuck, self.is_over, self.asks_at = seen

    def _restore_parts(
        self, parts: Sequence[str], unseen: Sequence[str], left: Sequence[Any], most: int | None
    ) -> None:
        if len(parts) != len(self._parts):
            for part in parts[len(self._parts) :]:
                self.add(part)
        self.unseen, self.left, self._left_effects_max = list(unseen), list(left), most

    def add(self, part: str) -> None:
        """A part of an agent is there from now on, and can be chosen."""
        self._parts.append(part)
        new = _Standing(could_at=self.effects)
        self._standings = dict(sorted({**self._standings, part: new}.items()))
        self._list_runnable()

    def drop_parts(self, process: str) -> None:
        """This process is gone, and with it all that ran in it and all its locks.

        The part that stands for it is to end, and who waits for a lock is to look again.
        """
        for name, standing in self._standings.items():
            if name.startswith(f"{process}."):
                standing.is_done, standing.is_waiting = True, False
            elif standing.is_waiting and standing.waiting_paths != frozenset():
                self._wake(standing)
        self._wake(self._standings[process])

    def stop(self, agent: str, until_ns: int) -> None:
        """The process of this part is stopped, with all its threads; its children are not."""
        for name, standing in self._standings.items():
            if process_of(name) == process_of(agent):
                standing.stopped_until_ns = max(until_ns, standing.stopped_until_ns or 0)
        self._list_runnable()
        self._note_earliest()

    def kill(self, agent: str) -> str | None:
        """The process of this part is gone: who goes on, None if all are done.

        Who waited for what it had open was woken by the effect that this is.
        """
        process = process_of(agent)
        gone = [name for name in self._standings if process_of(name) == process]
        for name in gone:
            self._standings[name].is_done, self._standings[name].is_waiting = True, False
        for name, standing in self._standings.items():
            if name.startswith(f"{process}.") and not standing.is_done:
                standing.is_done = True
                self.unseen.append(f"{name} outlived {process}, and no gate could stop it")
        return self.end(process)

    def wake(self, part: str) -> None:
        """Something happened to this part, and it may go on if it waits."""
        self._wake(self._standings[part])

    def first(self) -> str:
        """Who begins."""
        return self._choose()

    def before(self, agent: str, effect: Effect) -> str:
        """``agent`` is about to do this: who goes on. Raises ``RunAbortedError``."""
        standing = self._standings[agent]
        standing.pending, standing.has_asked = effect, True
        if self.effects >= self._effects_max:
            self._give_up(f"after {self.effects} effects nobody has come to an end")
        if self._left_effects_max is not None and self.effects >= self._left_effects_max:
            self._abandon()
        if self.is_over:
            raise RunAbortedError
        if self._about_to is not None:
            self._about_to(agent, effect)
        if self._acts_next == agent:
            self._acts_next, self.asks_at = None, self.effects + 1
            return agent
        return self._choose()

    def let_act(self, agent: str) -> None:
        """This agent, which runs, does its next effect before anybody else does one.

        For one that has moved time on: no trace would tell that it was chosen, if others did first.
        """
        self._acts_next = agent

    def after(self, step: Step) -> None:
        """The effect is done: time goes on, and whoever waited for it may go on."""
        self.effects += 1
        self.time.now_ns += EFFECT_NS
        if not self._somebody_waits:
            return
        if self._wakes_at_ns is not None and self.time.now_ns >= self._wakes_at_ns:
            self._wake_those_due()
        if step.changed:
            if not step.is_of_a_poll:
                self._pauses = 0
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
        self._note_earliest()
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
        if self._left_effects_max is None and self._are_left_over(left):
            self._left_effects_max = self.effects + LEFT_EFFECTS_MAX
        if self.is_over or not self._somebody_can_run():
            return left[0]
        return self._choose()

    def abort(self) -> None:
        """Whoever comes to the gate from now on is to unwind."""
        self.is_over, self.asks_at = True, 0

    def _choose(self) -> str:
        now = self.effects
        self._turn_effects += max(1, now - self._asked_at)
        chosen = self._scheduler.choose(now, self._current, self._in_fairness(now))
        if chosen != self._current:
            if self._current is not None:
                self._standings[self._current].could_at = now
            self._current, self._turn_effects = chosen, 0
        self._asked_at, self.asks_at = now, now
        if self.is_over:
            self.asks_at = 0
        elif self._standings[chosen].has_asked:
            turn_max = self._turn_max()
            left = max(1, turn_max + 1 - self._turn_effects)
            most = min(self._effects_max, self._left_effects_max or self._effects_max)
            longest = self._longest_beside(chosen)
            could_at = now if longest is None else self._standings[longest].could_at
            starved_at = could_at + STARVED_TURNS_MAX * turn_max + 1
            self.asks_at = min(self._scheduler.stays_until(now), now + left, most, starved_at)
        return chosen

    def _turn_max(self) -> int:
        return max(TURN_EFFECTS_MAX >> min(self._unfair, 9), TURN_EFFECTS_MIN)

    def _longest_beside(self, agent: str | None) -> str | None:
        """Of the others that can run, the one that has not gone on for longest."""
        found, least = None, 0
        for name in self._runnable:
            if name != agent:
                could_at = self._standings[name].could_at
                if found is None or could_at < least:
                    found, least = name, could_at
        return found

    def _in_fairness(self, now: int) -> Sequence[str]:
        """Of whom the scheduler may choose one."""
        current, longest = self._current, self._longest_beside(self._current)
        if longest is None:
            return self._runnable
        turn_max, is_in_turn = self._turn_max(), current in self._runnable
        starves = now - self._standings[longest].could_at > STARVED_TURNS_MAX * turn_max
        if (is_in_turn and self._turn_effects > turn_max) or starves:
            self._favoured, self._unfair = longest, self._unfair + 1
            return [longest]
        if is_in_turn and self._favoured == current:
            return [name for name in self._runnable if name == current]
        self._favoured = None
        return self._runnable

    def _are_left_over(self, names: list[str]) -> bool:
        """Whether the programs of all agents of these parts have come to their ends."""
        return all(name != agent_of(name) for name in names)

    def _somebody_can_run(self) -> bool:
        """If need be by letting time pass; else the run is given up, or over for what is left."""
        while not self._runnable and not self.is_over:
            if self._left_effects_max is not None:
                self._abandon()
            elif not self._let_time_pass():
                is_polling = self._wakes_at_ns is not None
                self._give_up(f"nobody can go on{', however long they poll' * is_polling}")
        return not self.is_over

    def _let_time_pass(self) -> bool:
        """Go on to the earliest moment that somebody waits for, if there is one."""
        if self._wakes_at_ns is None:
            return False
        self._pauses += 1
        if self._pauses > PAUSES_MAX and not self._moments():
            return False
        self.time.now_ns = max(self.time.now_ns, self._wakes_at_ns, self._overslept_ns())
        self._wake_those_due()
        return True

    def _overslept_ns(self) -> int:
        """Until when those who poll oversleep: longer each time, in which nothing changed.

        Else one that looks each 5 ms until its timeout would do ten thousand effects in which
        nothing happens. Nobody who waits for a moment oversleeps.
        """
        standings = self._standings.values()
        is_stopped = any(one.stopped_until_ns is not None for one in standings)
        times = self._pauses if is_stopped else self._pauses - PAUSES_KEPT
        if times <= 0:
            return 0
        overslept_ns = self.time.now_ns + (OVERSLEPT_NS_MIN << min(times, 40))
        return min([overslept_ns, *self._moments()])

    def _moments(self) -> list[int]:
        """What those wait for who do not poll."""
        waiting = (one for one in self._standings.values() if not one.polls)
        return [one.moment for one in waiting if one.moment is not None]

    def _wake_those_due(self) -> None:
        for standing in self._standings.values():
            moment, stopped_until_ns = standing.wakes_at_ns, standing.stopped_until_ns
            if stopped_until_ns is not None and stopped_until_ns <= self.time.now_ns:
                standing.stopped_until_ns, standing.could_at = None, self.effects
                self._list_runnable()
                self._note_earliest()
            if standing.is_waiting and moment is not None and moment <= self.time.now_ns:
                self._wake(standing)

    def _wake(self, standing: _Standing) -> None:
        standing.is_waiting, standing.could_at = False, self.effects
        self._list_runnable()
        self._note_earliest()

    def _note_earliest(self) -> None:
        if not self._somebody_waits:
            self._wakes_at_ns = None
            return
        moments = (one.moment for one in self._standings.values())
        self._wakes_at_ns = min((one for one in moments if one is not None), default=None)

    def _list_runnable(self) -> None:
        self.asks_at = 0
        self._somebody_waits = any(
            one.is_waiting or one.stopped_until_ns is not None for one in self._standings.values()
        )
        self._runnable = [name for name, one in self._standings.items() if one.can_run]

    def _abandon(self) -> None:
        """What is left of agents that are done is not waited for."""
        self.is_over, self.asks_at = True, 0
        self.left = self.left or self._pending()

    def _give_up(self, reason: str) -> None:
        waiting = "; ".join(f"{name} before {effect}" for name, effect in self._pending())
        self.is_over, self.asks_at = True, 0
        self.stuck = self.stuck or f"{reason}: {waiting}"

    def _pending(self) -> list[tuple[str, str]]:
        """What is not done, and what it is about to do."""
        return [
            (name, "its first effect" if standing.pending is None else standing.pending.label())
            for name, standing in self._standings.items()
            if not standing.is_done
        ]


def _state(part: Watch | Nemesis | None) -> Any:
    return None if part is None else part.state()
