"""Which agent is acting: known to every replaced function, and by thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from proofs.harness.clock import VirtualClock
from proofs.harness.effects import Effect
from proofs.harness.places import Places

T = TypeVar("T")


class ActingAgent(Protocol):
    """What a replaced function asks of the agent on whose behalf it was called."""

    places: Places
    clock: VirtualClock
    made: bool
    """To be set by an act that made a file that was not there."""

    def perform(self, effect: Effect, act: Callable[[], T]) -> T:
        """Stop before the effect until chosen, then let it happen; its result or exception."""
        ...

    def wait_for(self, effect: Effect, attempt: Callable[[], bool], timeout: float | None) -> bool:
        """Perform ``attempt`` until it succeeds, parked while it cannot; False at the timeout.

        ``timeout`` is in seconds of the virtual clock; None is for ever.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Park until something changed or the virtual clock has moved on that far."""
        ...

    def chance(self, size: int) -> bytes:
        """So many bytes of the scenario's chance."""
        ...

    def listing_key(self, name: str) -> str:
        """By what the names of a directory are sorted when it is listed."""
        ...


class _Acting(threading.local):
    agent: ActingAgent | None = None


acting = _Acting()
"""``acting.agent`` is None in every thread that is neither an agent nor started by one."""


@contextmanager
def nobody_acting() -> Iterator[None]:
    """What this thread does meanwhile is the harness' doing, and no agent's."""
    agent, acting.agent = acting.agent, None
    try:
        yield
    finally:
        acting.agent = agent
