"""Which agent is acting: known to every replaced function, and by thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from proofs.harness.clock import VirtualClock
from proofs.harness.effects import Effect
from proofs.harness.places import Places

if TYPE_CHECKING:
    from proofs.harness.children import Children

T = TypeVar("T")

Live = Callable[[Callable[[], object]], None]
"""Runs the program of a thread from its first turn to its end."""


class ActingAgent(Protocol):
    """What a replaced function asks of the agent on whose behalf it was called."""

    name: str
    places: Places
    clock: VirtualClock
    made: bool
    """To be set by an act that made a file that was not there."""
    halves: bool
    """Whether a write is to write the first half only, as a fault has it."""
    is_done: bool
    unwinds: bool
    is_child: bool
    children: Children

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

    def start(
        self, begin: Callable[[Live], Callable[[], None]], *, is_daemon: bool = False
    ) -> ActingAgent:
        """Start a thread that is a part of this agent, under a name of its own.

        Nobody waits for a daemon when its process ends.
        ``begin`` starts it for real and answers how to wait until it is gone; within it the thread
        hands its program to what ``begin`` is given, which returns when the program is done.
        """
        ...

    def fork(self, really: Callable[[], int | None]) -> int:
        """Fork a child that is a part of this agent, under a name of its own; as ``os.fork``.

        ``really`` forks, or answers None as long as something that others do forbids it.
        """
        ...

    def leave(self, code: int) -> None:
        """End the process of a child at once."""
        ...

    def leave_for(self, program: str, become: Callable[[], object]) -> None:
        """Let the process of a child become this program."""
        ...

    def end_process(self, words: str) -> None:
        """To be asked before the process of this agent ends: returns only if it may."""
        ...

    def wake(self, part: ActingAgent) -> None:
        """Let a part of this agent go on, if it waits."""
        ...

    def unseen(self, words: str) -> None:
        """Tell of something that the agent did, and that no gate can stop or see."""
        ...

    def lock_name(self, kind: str) -> str:
        """A name for a lock that it just made, the same each time; "<a1 lock 1>" for example."""
        ...

    def number(self, kind: str) -> int:
        """How many things of this kind it has made, with this one."""
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
