"""Where an effect takes place: paths and descriptors, as seen from the board's directory."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

NAMES_MAX = 10_000
"""So many paths are remembered: the same few are asked for in one execution after the other."""


class Places:
    """Names paths below one directory, and remembers which descriptors lead there.

    What lies elsewhere is no effect on the board and has no name here. ``aliases`` are what
    parts of names are called that differ from run to run, as ids of processes do.
    """

    def __init__(self, root: Path, aliases: dict[str, str] | None = None) -> None:
        self.aliases = {} if aliases is None else aliases
        self._roots = _named_and_real(os.path.abspath(root))
        self._descriptors: dict[int, str] = {}

    def name(self, path: object, directory: object = None) -> str | None:
        """The name of a path or descriptor, "." for the directory itself; None for elsewhere."""
        if isinstance(path, int):
            return self._descriptors.get(path)
        try:
            text = path if type(path) is str else os.fsdecode(path)  # type: ignore[arg-type]
        except TypeError:
            return None
        if not text.startswith("/"):  # another directory gives it another name
            above = self._above(directory)
            if above is None:
                return None
            text = f"{above}/{text}"
        name = _name(self._roots, text)
        return name if name is None or not self.aliases else self.alias(name)

    def alias(self, text: str) -> str:
        """The same with what differs from run to run called by a word of its own."""
        for part, alias in self.aliases.items():
            text = re.sub(rf"(?<!\d){part}(?!\d)", alias, text)
        return text

    def _above(self, directory: object) -> str | None:
        """The absolute path of an open directory, of the current one if it is None."""
        if directory is None:
            return os.getcwd()
        place = self.name(directory)
        return None if place is None else f"{self._roots[0]}/{place}"

    def opened(self, descriptor: int, name: str) -> None:
        """The descriptor leads there from now on."""
        self._descriptors[descriptor] = name

    def closed(self, descriptor: int) -> None:
        """The descriptor leads nowhere any more."""
        self._descriptors.pop(descriptor, None)

    def open_descriptors(self) -> dict[int, str]:
        """Those that were opened and not closed."""
        return dict(self._descriptors)


@lru_cache(NAMES_MAX)
def _name(roots: tuple[str, ...], text: str) -> str | None:
    text = os.path.normpath(text)
    for directory in roots:
        if text == directory:
            return "."
        if text.startswith(directory + os.sep):
            return text[len(directory) + 1 :]
    return None


@lru_cache(100)
def _named_and_real(root: str) -> tuple[str, ...]:
    """The directory as it was named, and without symbolic links, as boards name it that resolve."""
    real = os.path.realpath(root)
    return (root,) if real == root else (root, real)
