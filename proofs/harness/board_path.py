"""Finds a board that is named in text, so that a fresh interpreter can find it too."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from proofs.harness.adapter import Board


class BoardPathError(ValueError):
    """The text names no board; says what is wrong with it."""


def load_board(text: str) -> Board:
    """The board named ``MODULE:CALLABLE`` or ``path/to/file.py:CALLABLE``.

    Raises ``BoardPathError``; what the module itself raises while it is imported is its cause.
    """
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise BoardPathError(f"board must be MODULE:CALLABLE or path/file.py:CALLABLE, got {text}")
    try:
        module = (
            _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        )
    except Exception as error:
        raise BoardPathError(
            f"board must name what can be imported, got {text} ({type(error).__name__}: {error})"
        ) from error
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise BoardPathError(f"board must name something in {place}, got {text}")
    if not callable(found):
        raise BoardPathError(f"board must name a callable, got {text}, a {type(found).__name__}")
    board: Board = found
    return board


def _from_file(path: Path) -> ModuleType:
    """The module in this file, imported once, under a name that shadows no other."""
    name = f"board_file_{path.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == os.path.abspath(path):
        return known
    spec = importlib.util.spec_from_file_location(name, os.path.abspath(path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
