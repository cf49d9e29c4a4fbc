"""How a guarded run left the board's directory after its last effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proofs.harness.guard.snapshot import Snapshot, changes, snapshot


@dataclass(slots=True)
class Watch:
    """One for a run; in processes it travels with the right to run, as plain values.

    Between the end of one effect and the begin of the next nobody has anything to do with the
    directory. What has changed meanwhile was changed by a C extension, through memory, by a child
    process, or by a function that was kept from before the doors opened.
    """

    root: str
    _known: Snapshot | None = None

    def state(self) -> tuple[Any, ...]:
        """As plain values."""
        return (self._known,)

    def restore(self, state: tuple[Any, ...]) -> None:
        """The inverse of ``state``."""
        (self._known,) = state

    def look(self) -> list[str]:
        """In words what has changed since the last effect, which is known from now on."""
        before, self._known = self._known, snapshot(self.root)
        return [] if before is None else changes(before, self._known)

    def remember(self) -> None:
        """An effect is done: whatever it changed was seen."""
        self._known = snapshot(self.root)

    def name_of(self, device: int, inode: int) -> str | None:
        """The name of a file below the directory, None if it is not there."""
        for name, entry in (self._known or {}).items():
            if entry[:2] == (device, inode):
                return name
        return None
