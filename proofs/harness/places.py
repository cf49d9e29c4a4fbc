"""Where an effect takes place: paths and descriptors, as seen from the board's directory."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

NAMES_MAX = 10_000
"""So many paths are remembered: the same few are asked for in one execution after the other."""


class Places:
    """Names paths below one directory, and remembers which descriptors lead there.

    What lies elsewhere is no effect on the board and has no name here.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
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
        return _name(self._root, text)

    def path(self, name: str) -> str:
        """The absolute path of what has this name."""
        return self._root if name == "." else f"{self._root}/{name}"

    def directory(self, name: str) -> str | None:
        """The absolute path of the directory it lies in, None if that is elsewhere."""
        return None if name == "." else self.path(os.path.dirname(name) or ".")

    def _above(self, directory: object) -> str | None:
        """The absolute path of an open directory, of the current one if it is None."""
        if directory is None:
            return os.getcwd()
        place = self.name(directory)
        return None if place is None else self.path(place)

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
def _name(root: str, text: str) -> str | None:
    text = os.path.normpath(text)
    if text == root:
        return "."
    return text[len(root) + 1 :] if text.startswith(root + os.sep) else None
