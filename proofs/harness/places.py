"""Where an effect takes place: paths and descriptors, as seen from the board's directory."""

from __future__ import annotations

import os
from pathlib import Path


class Places:
    """Names paths below one directory, and remembers which descriptors lead there.

    What lies elsewhere is no effect on the board and has no name here.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._below = self._root + os.sep
        self._descriptors: dict[int, str] = {}
        self._names: dict[str, str | None] = {}  # the same few paths are asked for all the time

    def name(self, path: object, directory: object = None) -> str | None:
        """The name of a path or descriptor, "." for the directory itself; None for elsewhere."""
        if isinstance(path, int):
            return self._descriptors.get(path)
        try:
            text = os.fsdecode(path)  # type: ignore[arg-type]
        except TypeError:
            return None
        if text not in self._names or directory is not None:
            name = self._name(text, directory)
            if directory is not None or not os.path.isabs(text):
                return name  # another directory gives it another name
            self._names[text] = name
        return self._names[text]

    def _name(self, text: str, directory: object) -> str | None:
        if not os.path.isabs(text):
            base = self._descriptors.get(directory) if isinstance(directory, int) else None
            text = (
                os.path.join(self._below + base, text) if base else os.path.join(os.getcwd(), text)
            )
        text = os.path.normpath(text)
        if text == self._root:
            return "."
        return text[len(self._below) :] if text.startswith(self._below) else None

    def opened(self, descriptor: int, name: str) -> None:
        """The descriptor leads there from now on."""
        self._descriptors[descriptor] = name

    def closed(self, descriptor: int) -> None:
        """The descriptor leads nowhere any more."""
        self._descriptors.pop(descriptor, None)

    def open_descriptors(self) -> dict[int, str]:
        """Those that were opened and not closed."""
        return dict(self._descriptors)
