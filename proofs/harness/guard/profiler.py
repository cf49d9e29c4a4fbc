"""Watches the C functions that one agent's thread calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

from proofs.harness.guard import audit
from proofs.harness.guard.calls import acts_on_the_world
from proofs.harness.guard.frames import is_no_board
from proofs.harness.guard.guarded_agent import GuardedAgent


class Profiler:
    """What ``sys.setprofile`` is given. It must not raise: that would end it, in silence."""

    def __init__(self, agent: GuardedAgent) -> None:
        self._agent = agent

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call":
            return
        try:
            found = acts_on_the_world(frame, function)
            if found is not None and not is_no_board(frame):
                self._note(frame, *found)
        except Exception as error:
            self._agent.unseen(f"went unwatched, for the guard failed: {error!r}")

    def _note(self, frame: FrameType, name: str, descriptor: int | None) -> None:
        if descriptor is None:
            self._agent.unseen_call(name, (), frame)
            return
        place = self._agent.place_of_descriptor(descriptor)
        if place is not None:
            self._agent.unseen_call(name, (place,), frame)


def watching(agent: object) -> AbstractContextManager[None]:
    """Watch what this thread does meanwhile as ``agent``, if that is a guarded one.

    A profiler that is at work already stays, for it may not be one that can be put back; that the
    agent could not be watched is told then. Nothing is left in place afterwards but the audit
    hook, which cannot be taken away and does nothing.
    """
    return _watching(agent) if isinstance(agent, GuardedAgent) else _UNWATCHED


_UNWATCHED = nullcontext()


@contextmanager
def _watching(agent: GuardedAgent) -> Iterator[None]:
    occupied = sys.getprofile()
    if occupied is not None:
        kind = type(occupied).__name__
        agent.unseen(f"could not be watched: a profiler, a {kind}, is at work already")
    agent.look()
    with audit.hooked():
        if occupied is None:
            sys.setprofile(Profiler(agent))
        try:
            yield
        finally:
            if occupied is None:
                sys.setprofile(None)
            agent.look()
