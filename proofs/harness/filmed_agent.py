"""An agent of whose effects a film is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from proofs.harness.agents import nobody_acting
from proofs.harness.effects import Effect
from proofs.harness.film import Camera
from proofs.harness.gated_agent import Gate, GatedAgent

T = TypeVar("T")


class FilmedAgent(GatedAgent):
    """Does what a ``GatedAgent`` does, so its trace is the same, in a thread or in a process.

    Whoever acts appends to the film by itself, so that nothing is lost with a process that is
    killed, and children are filmed too.
    """

    def __init__(
        self, film: Path, name: str, gate: Gate, skew_ns: int = 0, chance: int = 0
    ) -> None:
        super().__init__(name, gate, skew_ns, chance)
        self._camera = Camera(gate.root, film)

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """As any agent."""
        return super().perform(effect, partial(self._filmed, effect, act), may_wait=may_wait)

    def perform_struck(
        self, effect: Effect, act: Callable[[], T], told: str, *, may_wait: bool = False
    ) -> T:
        """As any agent."""
        filmed = partial(self._filmed, effect, act)
        return super().perform_struck(effect, filmed, told, may_wait=may_wait)

    def _filmed(self, effect: Effect, act: Callable[[], T]) -> T:
        scheduling = self.gate.scheduling
        number, pid = scheduling.effects, os.getpid()
        try:
            return act()
        finally:
            if not self.unwinds and os.getpid() == pid:  # a child that was just forked did nothing
                with nobody_acting():
                    self._camera.take(number, scheduling.time.now_ns, changes=effect.changes)
