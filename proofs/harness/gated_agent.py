"""An agent that stops before each effect, whichever gate it stands at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from proofs.harness.clock import VirtualClock
from proofs.harness.effects import Effect
from proofs.harness.places import Places
from proofs.harness.scheduling import RunAbortedError, Scheduling
from proofs.harness.trace import Step

T = TypeVar("T")


class Gate(Protocol):
    """What an agent needs of the gate where it stops."""

    root: Path
    scheduling: Scheduling
    trace: list[Step]

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Let ``chosen`` go on; return once it is the turn of ``agent`` again."""
        ...


class GatedAgent:
    """The ``ActingAgent`` of the thread in which it acts."""

    def __init__(self, name: str, gate: Gate, skew_ns: int = 0, chance: int = 0) -> None:
        self.name = name
        self.clock = VirtualClock(gate.scheduling.time, skew_ns)
        self.places = Places(gate.root, gate.scheduling.aliases)
        self.gate = gate
        self.made = False
        self._chance = chance
        self._draws = 0
        self._unwinds = False

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """Stop before the effect, then let it happen.

        If it ``may_wait``, a false result tells that the agent has to wait then.
        """
        scheduling = self.gate.scheduling
        if scheduling.effects >= scheduling.asks_at and not self._is_chosen(effect):
            return act()
        self.made = False
        try:
            result = act()
        except Exception as error:
            self._happened(Step(self.name, effect, type(error).__name__, made=self.made))
            raise
        self._happened(Step(self.name, effect, None, may_wait and not result, self.made))
        return result

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
        """Park until something changed, or nobody else can go on; then that time has passed."""
        wakes_at_ns = self.clock.shared.now_ns + int(seconds * 1e9)
        effect = Effect("sleep", (), f"{seconds:g} s")
        self.perform(effect, _nothing, may_wait=True)
        self._park(effect, wakes_at_ns, None)
        self.clock.shared.now_ns = max(self.clock.shared.now_ns, wakes_at_ns)

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

    def _is_chosen(self, effect: Effect) -> bool:
        """Once it is; False if the run is over, and the agent closes and unlocks on its way out."""
        if self._unwinds:
            return False
        try:
            chosen = self.gate.scheduling.before(self.name, effect)
            if chosen != self.name:
                self._hand_over(chosen)
        except RunAbortedError:
            self._unwinds = True
            raise
        return True

    def _park(self, effect: Effect, wakes_at_ns: int | None, paths: frozenset[str] | None) -> None:
        try:
            scheduling = self.gate.scheduling
            chosen = scheduling.park(self.name, effect, wakes_at_ns=wakes_at_ns, paths=paths)
            if chosen != self.name:
                self._hand_over(chosen)
        except RunAbortedError:
            self._unwinds = True
            raise

    def _hand_over(self, chosen: str) -> None:
        self.gate.hand_over(self, chosen)
        if self.gate.scheduling.is_over:
            raise RunAbortedError

    def _happened(self, step: Step) -> None:
        gate = self.gate
        gate.trace.append(step)
        gate.scheduling.after(step)


def _nothing() -> None:
    """What beginning to sleep does to the world."""
