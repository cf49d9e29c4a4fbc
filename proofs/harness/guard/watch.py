"""What a guarded run has found so far, and how it left the board's directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proofs.harness.guard.snapshot import Snapshot, changes, snapshot

UNSEEN_MAX = 20
"""So many findings are kept; what comes after tells nothing new."""


@dataclass(slots=True)
class Watch:
    """One for a run; in processes it travels with the right to run, as plain values.

    Between the end of one effect and the begin of the next nobody has anything to do with the
    directory. What has changed meanwhile was changed by a C extension, through memory, by a child
    process, or by a function that was kept from before the doors opened.
    """

    root: str
    unseen: list[str] = field(default_factory=list)
    _known: Snapshot | None = None

    def state(self) -> tuple[Any, ...]:
        """As plain values."""
        return (self.unseen, self._known)

    def restore(self, state: tuple[Any, ...]) -> None:
        """The inverse of ``state``."""
        self.unseen, self._known = state

    def note(self, words: str) -> None:
        """Something went unseen; what was noted before is not noted again."""
        if words not in self.unseen and len(self.unseen) < UNSEEN_MAX:
            self.unseen.append(words)

    def look(self, who: str) -> None:
        """Note what has changed since the last effect; only ``who`` ran since."""
        now = snapshot(self.root)
        if self._known is not None and now != self._known:
            for change in changes(self._known, now):
                self.note(f"{who} {change} outside all doors, by no call that can be seen")
        self._known = now

    def remember(self) -> None:
        """An effect is done: whatever it changed was seen."""
        self._known = snapshot(self.root)

    def name_of(self, device: int, inode: int) -> str | None:
        """The name of a file below the directory, None if it is not there."""
        for name, entry in (self._known or {}).items():
            if entry[:2] == (device, inode):
                return name
        return None


def unseen_by(watch: Watch | None) -> tuple[str, ...]:
    """What a run that is over is told to have hidden; nothing where nobody looked."""
    return () if watch is None else tuple(watch.unseen)
