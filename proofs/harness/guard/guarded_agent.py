"""An agent under guard: looks at the directory before and after each of its effects."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

from proofs.harness.agents import acting, nobody_acting
from proofs.harness.doors.files import real
from proofs.harness.effects import Effect
from proofs.harness.gated_agent import Gate, GatedAgent
from proofs.harness.guard.frames import caller
from proofs.harness.guard.watch import Watch
from proofs.harness.places import Places

T = TypeVar("T")


class GuardedAgent(GatedAgent):
    """Does what a ``GatedAgent`` does, so its trace is the same; tells of what went unseen.

    ``is_inside`` tells that an effect is under way: what is called then is seen.
    """

    def __init__(self, name: str, gate: Gate, skew_ns: int = 0, chance: int = 0) -> None:
        super().__init__(name, gate, skew_ns, chance)
        self.places = _WatchedPlaces(gate.root, gate.scheduling.aliases)
        self.is_inside = False

    def unseen_call(self, function: str, names: tuple[str, ...], frame: FrameType) -> None:
        """A call was made outside all doors; ``names`` are empty where nobody can tell on what."""
        on = f" on {' -> '.join(names)}" if names else ""
        self.unseen(f"called {function}{on} at {caller(frame)} outside all doors")

    def look(self) -> None:
        """Tell what this agent has changed since the last effect."""
        for change in self._watch.look():
            self.unseen(f"{change} outside all doors, by no call that can be seen")

    def place_of_descriptor(self, descriptor: int) -> str | None:
        """Where any descriptor leads, also one that was opened behind the doors."""
        known = Places.name(self.places, descriptor)
        if known is not None:
            return known
        try:
            status = real("fstat")(descriptor)
        except OSError:
            return None
        return self._watch.name_of(status.st_dev, status.st_ino)

    @property
    def _watch(self) -> Watch:
        """In a worker another one after each turn."""
        watch = self.gate.scheduling.watch
        assert watch is not None
        return watch

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """As any agent."""
        self.look()

        def seen() -> T:
            was_inside, self.is_inside = self.is_inside, True
            try:
                return act()
            finally:
                self.is_inside = was_inside
                self._watch.remember()

        return super().perform(effect, seen, may_wait=may_wait)

    def _hand_over(self, chosen: str) -> None:
        self.look()
        super()._hand_over(chosen)
        for change in self._watch.look():
            self.unseen(f"came back and somebody who is no agent had {change}")


class _WatchedPlaces(Places):
    """Notices what leads below the directory by a way that the doors do not follow."""

    def __init__(self, root: Path, aliases: dict[str, str]) -> None:
        super().__init__(root, aliases)
        self._real_root = os.path.realpath(root)
        self._elsewhere: set[str] = set()  # known to be

    def name(self, path: object, directory: object = None) -> str | None:
        """As that of any agent."""
        found = super().name(path, directory)
        agent = acting.agent
        if found is not None or not isinstance(agent, GuardedAgent):
            return found
        if isinstance(path, int):
            _tell(agent, agent.place_of_descriptor(path), "a descriptor opened elsewhere")
        elif isinstance(path, str | bytes | os.PathLike) and directory is None:
            _tell(agent, self._resolved(os.fsdecode(path)), "a symbolic link")
        return None

    def _resolved(self, path: str) -> str | None:
        """The name of what a path leads to by links; looked at by the harness, not by the agent."""
        if path in self._elsewhere:
            return None
        with nobody_acting():
            real_path = os.path.realpath(path)
        if os.path.commonpath([real_path, self._real_root]) == self._real_root:
            return os.path.relpath(real_path, self._real_root)
        self._elsewhere.add(path)
        return None


def _tell(agent: GuardedAgent, place: str | None, way: str) -> None:
    if place is not None:
        agent.unseen(f"reached {place} by {way}, which no door follows")
