"""An agent that stops before each effect, whichever gate it stands at."""

from __future__ import annotations

import copy
import hashlib
import itertools
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar, cast

from proofs.harness.agents import ActingAgent, Live, acting, nobody_acting
from proofs.harness.children import Child, Children, InChildError
from proofs.harness.clock import POLL_SECONDS_MAX, VirtualClock
from proofs.harness.effects import DAEMON, Effect
from proofs.harness.places import Places
from proofs.harness.scheduling import RunAbortedError, Scheduling
from proofs.harness.trace import Step, made_step
from proofs.harness.wire import Connection

T = TypeVar("T")

_exit = os._exit


class Gate(Protocol):
    """What an agent needs of the gate where it stops."""

    root: Path
    scheduling: Scheduling
    trace: list[Step]
    chosen: str
    heard: int

    def hang(self, words: str) -> None:
        """A child hangs: the run is to be given up, and told so."""
        ...

    def end_process(self, agent: GatedAgent, words: str) -> None:
        """Return if this agent may end its process, which is its own."""
        ...

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Let ``chosen`` go on; return once it is the turn of ``agent`` again."""
        ...

    def gate_of_child(self, connection: Connection) -> ChildGate:
        """The gate at which a child of an agent stops, in the child."""
        ...

    def admit(self, agent: GatedAgent, begin: Callable[[Live], Callable[[], None]]) -> None:
        """Begin a thread of this agent, which is to be known to the scheduling afterwards."""
        ...


class GateOfProcess(Gate, Protocol):
    """The gate of an agent that is a process of its own."""

    def die(self, agent: GatedAgent) -> NoReturn:
        """In its turn the process ends by SIGKILL."""
        ...


class ChildGate(Gate, Protocol):
    """The gate within a child."""

    def enter(self, agent: GatedAgent) -> None:
        """Return once it is the turn of the child for the first time."""
        ...

    def leave(self, becoming: str | None) -> None:
        """In the turn of one of its parts the process is about to end, or to become this."""
        ...


class GatedAgent:
    """The ``ActingAgent`` of the thread in which it acts."""

    made = False
    halves = False
    is_done = False
    unwinds = False
    is_abandoned = False  # its thread did not come back, and must act no more
    child: Child | None = None  # the one for which its thread stands in
    is_child = False
    _was_forked = False  # in this thread: below its program lies that of its parent
    _draws = 0

    def __init__(self, name: str, gate: Gate, skew_ns: int = 0, chance: int = 0) -> None:
        self.name = name
        self.clock = VirtualClock(gate.scheduling.time, skew_ns)
        self.places = Places(gate.root, gate.scheduling.aliases)
        self.gate = gate
        self._chance = chance
        self._counts: dict[str, int] = {}
        self.children = Children()
        self._process = name  # that of its first part
        self._numbers = itertools.count(1)  # of the parts in it, shared by all of them
        self._child_numbers = itertools.count(1)
        self._parts: list[GatedAgent] = []  # shared by all; they live as long as it does

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """Stop before the effect, then let it happen.

        If it ``may_wait``, a false result tells that the agent has to wait then.
        """
        scheduling = self.gate.scheduling
        if scheduling.nemesis is not None and not self.unwinds:
            fault = scheduling.nemesis.due(self.name, effect)
            if fault is not None:
                return scheduling.nemesis.strike(self, fault, effect, act, may_wait=may_wait)
        if scheduling.effects >= scheduling.asks_at and not self._is_chosen(effect, act):
            return act()
        self.made = False
        try:
            result = act()
        except Exception as error:
            self._happened(Step(self.name, effect, type(error).__name__, made=self.made))
            raise
        gate = self.gate  # as in _happened: one call fewer at each effect
        step = made_step((self.name, effect, None, may_wait and not result, self.made, None))
        gate.trace.append(step)
        gate.scheduling.after(step)
        return result

    def perform_struck(
        self, effect: Effect, act: Callable[[], T], told: str, *, may_wait: bool = False
    ) -> T:
        """The same for an effect that a fault happens to; ``told`` is what the trace says of it."""
        if not self._is_chosen(effect, act):
            return act()
        self.made = False
        name = self.name
        try:
            result = act()
        except Exception as error:
            self._happened(Step(name, effect, type(error).__name__, made=self.made, fault=told))
            raise
        self._happened(Step(name, effect, None, may_wait and not result, self.made, told))
        return result

    def stop(self, effect: Effect, seconds: float) -> None:
        """The process of this agent is stopped, and goes on once so much time has passed."""
        self.perform(effect, _nothing, may_wait=True)
        until_ns = self.clock.shared.now_ns + int(seconds * 1e9)
        self.gate.scheduling.stop(self.name, until_ns)
        self._park(effect, until_ns, frozenset())

    def set_clocks(self, effect: Effect, seconds: float) -> None:
        """All calendars are set, also while others are amid their calls."""
        self.perform(effect, lambda: self.clock.shared.set(round(seconds * 1e9)))

    def die(self, effect: Effect) -> NoReturn:
        """The process of this agent ends at once, and with it whatever it has open is closed."""
        closes = tuple(sorted(set(self.places.open_descriptors().values())))
        if closes:
            effect = effect._replace(detail=f"{effect.detail}, which closes", paths=closes)
        self.perform(effect, _nothing)
        cast(GateOfProcess, self.gate).die(self)

    @property
    def root(self) -> Path:
        """The board's directory."""
        return self.gate.root

    def wait_for(self, effect: Effect, attempt: Callable[[], bool], timeout: float | None) -> bool:
        """Try at each chance, parked in between until something happens to the same path."""
        deadline_ns = None if timeout is None else self.clock.shared.now_ns + int(timeout * 1e9)
        paths = frozenset(effect.paths)
        while not self.perform(effect, attempt, may_wait=True):
            if deadline_ns is not None and self.clock.shared.now_ns >= deadline_ns:
                return False
            self._park(effect, deadline_ns, paths)
        return True

    def sleep(self, seconds: float) -> None:
        """Park until nobody else can go on, or that time has passed; then it has passed.

        A short sleep ends when something changes, too, as that of one who looks again and again.
        """
        effect = Effect("sleep", (), f"{seconds:g} s")
        self.perform(effect, _nothing, may_wait=True)
        wakes_at_ns = self.clock.shared.now_ns + int(seconds * 1e9)
        paths: frozenset[str] | None = None if seconds <= POLL_SECONDS_MAX else frozenset()
        self._park(effect, wakes_at_ns, paths)
        if self.clock.shared.now_ns < wakes_at_ns:
            self.clock.shared.now_ns = wakes_at_ns
            self.gate.scheduling.let_act(self.name)

    def start(
        self, begin: Callable[[Live], Callable[[], None]], *, is_daemon: bool = False
    ) -> GatedAgent:
        """Start a thread of this agent: an effect, which tells whether it is a daemon."""
        part = self._part(f"{self._process}.{next(self._numbers)}")

        def act() -> None:
            self.gate.admit(part, begin)
            self.gate.scheduling.add(part.name)

        detail = DAEMON if is_daemon else ""
        self.perform(Effect("start", (f"<{part.name}>",), detail, changes=True), act)
        return part

    def fork(self, really: Callable[[], int | None]) -> int:
        """Fork a child of this agent, as ``os.fork``: an effect, done once ``really`` may."""
        part = self._part(f"{self._process}.c{next(self._child_numbers)}")
        part.places = copy.deepcopy(self.places)

        def act() -> int | None:
            child = self.children.fork(part, really, partial(self._become, part.name))
            if child is None:
                return None
            self.gate.admit(part, partial(_begin_to_stand_in, child, part))
            self.gate.scheduling.add(part.name)
            return child.pid

        effect = Effect("fork", (f"<{part.name}>",), changes=True)
        try:
            while (pid := self.perform(effect, act, may_wait=True)) is None:
                self._park(effect, None, None)
        except InChildError:
            return 0
        return pid

    def leave(self, code: int) -> None:
        """End the process of a child at once."""
        cast(ChildGate, self.gate).leave(None)
        _exit(code)

    def leave_for(self, program: str, become: Callable[[], object]) -> None:
        """Tell the parent that a child is no child any more, and let it become this program."""
        cast(ChildGate, self.gate).leave(program)
        become()
        _exit(1)

    def end_process(self, words: str) -> None:
        """What is about to end its process; returns if it may, for the process is its own."""
        self.gate.end_process(self, words)

    def abandon(self) -> None:
        """Nobody waits for it any more; if it comes to a door once more, it unwinds from there."""
        self.is_abandoned = self.unwinds = True

    def wake(self, part: ActingAgent) -> None:
        """Let it look again."""
        self.gate.scheduling.wake(part.name)

    def unseen(self, words: str) -> None:
        """Tell of it in the name of this part."""
        told = f"{self.name} {words}"
        if told not in self.gate.scheduling.unseen:
            self.gate.scheduling.unseen.append(told)

    def act(self, program: Callable[[], object]) -> BaseException | None:
        """Run a program as this agent, in this thread; what it raised and should not have."""
        acting.agent = self
        try:
            program()
        except RunAbortedError:
            return None
        except BaseException as error:
            return None if self.unwinds else error
        finally:
            if self._was_forked:
                self._fall_out()
            acting.agent = None
            self.is_done = True
        return None

    def live(self, program: Callable[[], object]) -> None:
        """Run the program of a part; its end is an effect, and tells what it raised."""
        raised = ""
        try:
            program()
        except (RunAbortedError, SystemExit):
            pass
        except BaseException as error:
            raised = f"by {type(error).__name__}"
        if self._was_forked:
            return  # forked in this thread, it has come to the end of what is its own
        self.perform(Effect("end", (f"<{self.name}>",), raised, changes=True), _nothing)

    def lock_name(self, kind: str) -> str:
        """Tells who made it, and as the how manieth."""
        return f"<{self.name} {kind} {self.number(kind)}>"

    def number(self, kind: str) -> int:
        """Counts what this thread makes."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def chance(self, size: int) -> bytes:
        """Bytes that follow from the scenario's chance, the agent's name and its draws before."""
        self._draws += 1
        seed = f"{self._chance} {self.name} {self._draws}".encode()
        return hashlib.shake_256(seed).digest(size)

    def listing_key(self, name: str) -> str:
        """The name itself, or what the scenario's chance makes of it: one order for all agents."""
        if self.places.aliases:  # by what a trace calls it, and only then by itself
            name = f"{self.places.alias(name)} {name}"
        if not self._chance:
            return name
        return hashlib.sha256(f"{self._chance} {name}".encode(errors="surrogateescape")).hexdigest()

    def _become(self, child: str, connection: Connection) -> None:
        """From now on this is a child, whose other threads are gone."""
        gate = self.gate.gate_of_child(connection)
        self.name = self._process = child
        self.is_child, self._was_forked, self.gate = True, True, gate
        self._draws, self._counts = 0, {}
        self._numbers, self._child_numbers = itertools.count(1), itertools.count(1)
        gate.enter(self)
        if gate.scheduling.is_over:
            self.unwinds = True
            raise RunAbortedError

    def _fall_out(self) -> None:
        """A child that came out of its program must not go on as the harness."""
        if not self.unwinds:
            self.unseen("went on with its parent's program, and what it was told nobody knows")
        self.leave(int(sys.exc_info()[0] is not None))

    def _part(self, name: str) -> GatedAgent:
        """Another thread: of one machine and process with this one, so of one clock and one table
        of descriptors, but of its own chance, that no order of the threads may decide it."""
        part = copy.copy(self)
        part.name, part._was_forked = name, False
        part.is_done, part.unwinds, part._draws, part._counts = False, False, 0, {}
        part.is_abandoned, part.child = False, None
        self._parts.append(part)
        return part

    def _is_chosen(self, effect: Effect, act: Callable[[], object]) -> bool:
        """Once it is; False if the run is over, and the agent closes and unlocks on its way out.

        What it was about to close when the run ended is closed as well: nobody else would do so.
        """
        if self.unwinds:
            if self.is_abandoned and effect.kind != "close":
                raise RunAbortedError
            return False
        try:
            chosen = self.gate.scheduling.before(self.name, effect)
            if chosen != self.name:
                self._hand_over(chosen)
        except RunAbortedError:
            self.unwinds = True
            if effect.kind == "close":
                act()
            raise
        return True

    def _park(self, effect: Effect, wakes_at_ns: int | None, paths: frozenset[str] | None) -> None:
        try:
            scheduling = self.gate.scheduling
            chosen = scheduling.park(self.name, effect, wakes_at_ns=wakes_at_ns, paths=paths)
            if chosen != self.name:
                self._hand_over(chosen)
        except RunAbortedError:
            self.unwinds = True
            raise

    def _hand_over(self, chosen: str) -> None:
        self.gate.hand_over(self, chosen)
        if self.gate.scheduling.is_over:
            raise RunAbortedError

    def _happened(self, step: Step) -> None:
        gate = self.gate
        gate.trace.append(step)
        gate.scheduling.after(step)


def _begin_to_stand_in(child: Child, part: GatedAgent, live: Live) -> Callable[[], None]:
    gate, part.child = part.gate, child

    def stand_in() -> None:
        live(lambda: child.stand_in(gate, partial(gate.hand_over, part)))

    with nobody_acting():
        thread = threading.Thread(target=stand_in, name=child.name, daemon=True)
        thread.start()

    def wait_until_gone() -> None:
        thread.join()
        child.kill()

    return wait_until_gone


def _nothing() -> None:
    """What beginning to sleep, and the end of a thread, do to the world."""
