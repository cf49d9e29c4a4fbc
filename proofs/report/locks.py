"""Who held which lock from which effect to which, as a trace tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from proofs.harness.scheduling import agent_of
from proofs.harness.trace import Step

_TAKES: Final = frozenset({"flock", "lockf", "lock"})


class Held(NamedTuple):
    """``agent`` held the lock ``name`` from the effect ``since`` on, up to ``until`` itself.

    ``how`` is "shared" or empty.
    """

    agent: str
    name: str
    since: int
    until: int
    how: str = ""


@dataclass(slots=True)
class _Locks:
    """The locks of a run as it goes. Those of threads count only where somebody had to wait."""

    contended: frozenset[str]
    held: dict[tuple[str, str], tuple[int, str, str]] = field(default_factory=dict)
    opened: dict[tuple[str, str], int] = field(default_factory=dict)

    def after(self, number: int, step: Step) -> Iterator[Held]:
        """Take in a step; what is let go of by it."""
        kind, paths = step.effect.kind, step.effect.paths
        if kind == "SIGKILL" or (kind == "end" and not paths):
            yield from self._all_of(agent_of(step.agent), number)
        if not paths or not step.happened or step.waits:
            return
        key = (agent_of(step.agent), paths[0])
        if kind == "open":
            self.opened[key] = self.opened.get(key, 0) + 1
        elif kind == "unlock" or (kind in _TAKES and step.effect.detail == "unlock"):
            yield from self._let_go(key, number)
        elif kind in _TAKES and step.error is None:
            yield from self._take(key, number, step)
        elif kind == "close":
            yield from self._close(key, number)

    def rest(self, number: int) -> Iterator[Held]:
        """Those that nobody let go of."""
        for key in list(self.held):
            yield from self._let_go(key, number)

    def _take(self, key: tuple[str, str], number: int, step: Step) -> Iterator[Held]:
        if key[1].startswith("<") and key[1] not in self.contended:
            return
        yield from self._let_go(key, number)
        how = "shared" if step.effect.detail.startswith("shared") else ""
        self.held[key] = (number, step.effect.kind, how)

    def _close(self, key: tuple[str, str], number: int) -> Iterator[Held]:
        """Any close drops a lock of a process; one of a descriptor lasts as long as any may."""
        self.opened[key] = max(0, self.opened.get(key, 1) - 1)
        if key in self.held and (self.held[key][1] == "lockf" or not self.opened[key]):
            yield from self._let_go(key, number)

    def _let_go(self, key: tuple[str, str], number: int) -> Iterator[Held]:
        if key in self.held:
            since, _, how = self.held.pop(key)
            yield Held(key[0], key[1], since, number, how)

    def _all_of(self, agent: str, number: int) -> Iterator[Held]:
        for key in [key for key in self.held if key[0] == agent]:
            yield from self._let_go(key, number)
        for key in [key for key in self.opened if key[0] == agent]:
            del self.opened[key]


def locks_held(trace: Sequence[Step]) -> list[Held]:
    """All of them, by when they were taken. A lock is known by the path by which it was taken, so
    two may hold one at a time where a path came to lead to another file.
    """
    contended = frozenset(path for step in trace if step.waits for path in step.effect.paths)
    locks = _Locks(contended)
    found = [held for number, step in enumerate(trace) for held in locks.after(number, step)]
    return sorted([*found, *locks.rest(len(trace) - 1)], key=lambda held: held.since)
