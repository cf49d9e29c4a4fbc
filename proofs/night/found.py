"""What a night finds: one for each bug, with how often it was met."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

AtFault = Literal["board", "dependency", "harness"]

_OURS: Final = ("proofs", "strategies")
_PACKAGES: Final = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Met:
    """A violation that is to be made small now, by the name of its file until it is."""

    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """``path`` is the file that keeps it, a counterexample or the steps in words; ``words`` is what
    a person reads first, ``told`` all of it. ``invariant`` is empty where none was judged; ``met``
    is the name by which it was told of before it was made small.
    """

    path: str
    board: str
    gate: str
    invariant: str
    words: str
    told: str = ""
    at_fault: AtFault = "board"
    member: str = ""
    count: int = 1
    met: str = ""

    @property
    def name(self) -> str:
        """By which it is known from night to night."""
        return Path(self.path).name

    @property
    def is_replayable(self) -> bool:
        """Whether it is a counterexample that pytest replays."""
        return self.path.endswith(".json")


def together(found: Iterable[Found]) -> dict[str, Found]:
    """By name; what was found several times once, with the sum of its counts."""
    joined: dict[str, Found] = {}
    for one in found:
        known = joined.get(one.name)
        if known is None:
            joined[one.name] = one
        else:
            told = known.told or one.told
            joined[one.name] = replace(known, count=known.count + one.count, told=told)
    return joined


def at_fault_for(error: BaseException, board_file: str | None) -> AtFault:
    """Whose code raised it: by the innermost frame that is the board's, ours or an installed
    package's. What Python itself raises is laid to whoever called it.
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        place, package = frame.f_code.co_filename, frame.f_globals.get("__name__", "")
        if place == board_file or package.partition(".")[0] == "swarm":
            return "board"
        if package.partition(".")[0] in _OURS:
            return "harness"
        if any(f"/{one}/" in place for one in _PACKAGES):
            return "dependency"
    return "harness"


def file_of(board: str) -> str | None:
    """The file of a board's module, once that is imported."""
    place, _, _ = board.rpartition(":")
    if place.endswith(".py"):
        return str(Path(place).absolute())
    module = sys.modules.get(place)
    return None if module is None else module.__file__
