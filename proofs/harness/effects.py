"""An effect: one act of an agent on the world, as it is about to happen."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

DAEMON: Final = "daemon"
"""The detail of the effect that starts a thread for which its process does not wait."""

EFFECTS_KEPT = 10_000
"""So many are kept: the same few recur in one execution after the other."""


class Effect(NamedTuple):
    """What an agent is about to do, and on which paths, relative to the board's directory.

    ``kind`` is the name of the operating system's act, such as "open", "replace" or "flock";
    ``detail`` says what else tells two acts of one kind apart. ``changes`` tells whether it can
    change what others see, and so whether its place among the effects of others matters. A tuple,
    for one is made for every effect, and a dataclass takes more than twice as long to make.
    """

    kind: str
    paths: tuple[str, ...] = ()
    detail: str = ""
    changes: bool = False

    def label(self) -> str:
        """One line, the same in every gate and on every file system."""
        words = [self.kind]
        if self.detail:
            words.append(self.detail)
        if self.paths:
            words.append(" -> ".join(self.paths))
        return " ".join(words)


@lru_cache(EFFECTS_KEPT)
def effect_on(kind: str, path: str, detail: str = "", changes: bool = False) -> Effect:
    """The one on a single path; looked up takes a third of the time that making it takes."""
    return Effect(kind, (path,), detail, changes)
