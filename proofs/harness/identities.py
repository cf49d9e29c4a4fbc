"""Which file it is that an effect of a trace is on: names move, and descriptors stay with files."""

from __future__ import annotations

from proofs.harness.scheduling import agent_of
from proofs.harness.trace import Step

_MOVING = frozenset({"link", "replace", "rmdir", "unlink"})


class Identities:
    """Follows the files of a trace through their names and the descriptors of each agent.

    A file is known by the name that it had at first, with a number if the name had led to others
    before; so equivalent traces give it the same identity. The threads and children of an agent
    share its descriptors. Not followed are symbolic links, and what lies in a directory that is
    moved.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._gone: dict[str, int] = {}
        self._opened: dict[tuple[str, str], list[str]] = {}
        self._closed: dict[tuple[str, str], int] = {}

    def named(self, path: str) -> str:
        """The file that this name leads to, or will if one is made there."""
        return self._names.get(path, path)

    def opened(self, agent: str, path: str) -> tuple[str, ...]:
        """The files that descriptors of this agent may lead to which it opened by this name."""
        files = tuple(dict.fromkeys(self._opened.get((agent_of(agent), path), ())))
        return files or (self.named(path),)

    def after(self, step: Step) -> None:
        """Take in what a step did."""
        kind, paths = step.effect.kind, step.effect.paths
        if not step.happened or step.waits or not paths:
            return
        if kind == "open":
            opened = self._opened.setdefault((agent_of(step.agent), paths[0]), [])
            opened.append(self.named(paths[0]))
        elif kind == "close":
            self._close(agent_of(step.agent), paths[0])
        elif kind in _MOVING:
            if len(paths) == 2:
                self._names[paths[1]] = self.named(paths[0])
            if kind != "link":
                self._go(paths[0])

    def _close(self, agent: str, path: str) -> None:
        """Which of several descriptors it was is not known; so all must be closed."""
        opened = self._opened.get((agent, path), [])
        closed = self._closed.get((agent, path), 0) + 1
        if closed >= len(opened):
            opened.clear()
            closed = 0
        self._closed[agent, path] = closed

    def _go(self, path: str) -> None:
        self._gone[path] = self._gone.get(path, 0) + 1
        self._names[path] = f"{path} {self._gone[path] + 1}"
