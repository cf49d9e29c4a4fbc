"""A gate for agents that are threads of this process: one runs, and stops before each effect."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from proofs.harness.agents import acting
from proofs.harness.clock import EFFECT_NS, SharedTime, VirtualClock
from proofs.harness.effects import Effect
from proofs.harness.places import Places
from proofs.harness.scheduler import Scheduler
from proofs.harness.trace import Step

T = TypeVar("T")

TURN_EFFECTS_MAX = 500
"""After so many effects in a row an agent gives way, so that one that spins stops nobody."""


class RunAbortedError(BaseException):
    """Raised within agents whose run is over; not an Exception, so that no board catches it."""


class StuckError(Exception):
    """Nobody can go on, or nobody comes to an end; says who waits for what."""


class ThreadGate:
    """Runs agents as threads, one at a time, in the order that a scheduler chooses.

    Used once. The doors must be open for it (see ``interception``).
    """

    def __init__(
        self, root: Path, scheduler: Scheduler, time: SharedTime, *, effects_max: int = 20_000
    ) -> None:
        self.root = root
        self.time = time
        self.trace: list[Step] = []
        self._scheduler = scheduler
        self._effects_max = effects_max
        self._agents: dict[str, _AgentThread] = {}
        self._current: str | None = None
        self._turn_effects = 0
        self._over = threading.Semaphore(0)
        self._stuck: StuckError | None = None
        self._harness_error: BaseException | None = None

    def run(
        self, programs: Mapping[str, Callable[[], None]], skews_ns: Mapping[str, int] | None = None
    ) -> None:
        """Run all programs to their ends. Raises ``StuckError``, and what a program raises."""
        for name, program in sorted(programs.items()):
            clock = VirtualClock(self.time, (skews_ns or {}).get(name, 0))
            self._agents[name] = _AgentThread(name, program, self, clock)
        for agent in self._agents.values():
            agent.thread.start()
        self._go_on(self._choose())
        self._over.acquire()
        for agent in self._agents.values():
            agent.turn.release()  # those that are left unwind, without further effects
            agent.thread.join()
        error = self._harness_error or self._stuck
        if error is not None:
            raise error

    @property
    def is_over(self) -> bool:
        """Whether the run was given up."""
        return self._stuck is not None or self._harness_error is not None

    # Called by the agent that runs.

    def stop(self, agent: _AgentThread) -> None:
        """Before an effect: return once the agent is chosen to go on."""
        if len(self.trace) >= self._effects_max:
            self._give_up(f"after {len(self.trace)} effects nobody has come to an end")
        elif not self.is_over:
            self._hand_over(agent, self._choose())
        if self.is_over:
            raise RunAbortedError

    def happened(self, agent: _AgentThread, step: Step) -> None:
        """The effect is done: time goes on, and whoever waited for it may go on."""
        self.trace.append(step)
        self.time.advance(EFFECT_NS)
        if step.effect.changes and step.error is None and not step.waits:
            for other in self._agents.values():
                if other is not agent and other.waits_for(step.effect):
                    other.is_waiting = False

    def park(self, agent: _AgentThread) -> None:
        """The agent cannot go on until it is woken: another one runs."""
        agent.is_waiting = True
        if not any(a.can_run for a in self._agents.values()) and not self._let_time_pass():
            self._give_up("nobody can go on")
            raise RunAbortedError
        self._hand_over(agent, self._choose())
        if self.is_over:
            raise RunAbortedError

    def ended(self, agent: _AgentThread, error: BaseException | None) -> None:
        """The agent's program is done, or raised what no program should."""
        agent.is_done = True
        self._harness_error = self._harness_error or error
        if all(a.is_done for a in self._agents.values()) or self.is_over:
            self._over.release()
        elif any(a.can_run for a in self._agents.values()) or self._let_time_pass():
            self._go_on(self._choose())
        else:
            self._give_up("nobody can go on")

    def _choose(self) -> str:
        runnable = sorted(name for name, agent in self._agents.items() if agent.can_run)
        self._turn_effects += 1
        if self._turn_effects > TURN_EFFECTS_MAX and len(runnable) > 1:
            runnable = [name for name in runnable if name != self._current]
        return self._scheduler.choose(len(self.trace), self._current, runnable)

    def _hand_over(self, agent: _AgentThread, chosen: str) -> None:
        if chosen != agent.name:
            self._go_on(chosen)
            agent.turn.acquire()

    def _go_on(self, chosen: str) -> None:
        if chosen != self._current:
            self._current, self._turn_effects = chosen, 0
        self._agents[chosen].turn.release()

    def _let_time_pass(self) -> bool:
        """Wake the one that waits for the earliest moment, if any waits for one."""
        sleepers = [a for a in self._agents.values() if a.is_waiting and a.wakes_at_ns is not None]
        if not sleepers:
            return False
        first = min(sleepers, key=lambda a: (a.wakes_at_ns or 0, a.name))
        self.time.now_ns = max(self.time.now_ns, first.wakes_at_ns or 0)
        first.is_waiting = False
        return True

    def _give_up(self, reason: str) -> None:
        waiting = [
            f"{a.name} before {a.pending.label()}"
            for a in self._agents.values()
            if not a.is_done and a.pending is not None
        ]
        self._stuck = StuckError(f"{reason}: {'; '.join(waiting)}")
        self._over.release()


class _AgentThread:
    """One agent of a thread gate; the ``ActingAgent`` of its thread."""

    def __init__(
        self, name: str, program: Callable[[], None], gate: ThreadGate, clock: VirtualClock
    ) -> None:
        self.name = name
        self.clock = clock
        self.places = Places(gate.root)
        self.turn = threading.Semaphore(0)
        self.is_done = False
        self.is_waiting = False
        self.wakes_at_ns: int | None = None
        self.pending: Effect | None = None
        self._waiting_paths: frozenset[str] | None = None
        self._gate = gate
        self._program = program
        self._chance = 0
        self._unwinds = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def can_run(self) -> bool:
        """Whether it may be chosen."""
        return not self.is_done and not self.is_waiting

    def waits_for(self, effect: Effect) -> bool:
        """Whether this change may let it go on; a sleeper looks again after any change."""
        if not self.is_waiting:
            return False
        return self._waiting_paths is None or not self._waiting_paths.isdisjoint(effect.paths)

    def perform(self, effect: Effect, act: Callable[[], T]) -> T:
        """Stop before the effect, then let it happen."""
        return self._perform(effect, act, lambda result: False)

    def wait_for(self, effect: Effect, attempt: Callable[[], bool], timeout: float | None) -> bool:
        """Try at each chance, parked in between until something happens to the same path."""
        deadline_ns = None if timeout is None else self.clock.shared.now_ns + int(timeout * 1e9)
        while not self._perform(effect, attempt, lambda done: not done):
            if deadline_ns is not None and self.clock.shared.now_ns >= deadline_ns:
                return False
            self.pending, self.wakes_at_ns = effect, deadline_ns
            self._waiting_paths = frozenset(effect.paths)
            self._gate.park(self)
        return True

    def sleep(self, seconds: float) -> None:
        """Park until something changed, or nobody else can go on; then that time has passed."""
        self.pending = Effect("sleep", (), f"{seconds:g} s")
        self.wakes_at_ns = self.clock.shared.now_ns + int(seconds * 1e9)
        self._waiting_paths = None
        wakes_at_ns = self.wakes_at_ns
        self._gate.park(self)
        self.clock.shared.now_ns = max(self.clock.shared.now_ns, wakes_at_ns)

    def chance(self, size: int) -> bytes:
        """Bytes that follow from the agent's name and how many it has asked for."""
        self._chance += 1
        seed = f"{self.name} {self._chance}".encode()
        return hashlib.shake_256(seed).digest(size)

    def _perform(self, effect: Effect, act: Callable[[], T], waits: Callable[[T], bool]) -> T:
        self.pending = effect
        if self._gate.is_over and self._unwinds:
            return act()  # what it must still close or unlock on its way out
        try:
            self._gate.stop(self)
        except RunAbortedError:
            self._unwinds = True
            raise
        try:
            result = act()
        except Exception as error:
            self._gate.happened(self, Step(self.name, effect, type(error).__name__))
            raise
        self._gate.happened(self, Step(self.name, effect, waits=waits(result)))
        return result

    def _run(self) -> None:
        self.turn.acquire()
        error: BaseException | None = None
        try:
            if not self._gate.is_over:
                acting.agent = self
                self._program()
        except RunAbortedError:
            pass
        except BaseException as raised:
            error = raised
        finally:
            acting.agent = None
            self._gate.ended(self, error)
