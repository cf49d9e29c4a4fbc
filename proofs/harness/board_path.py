"""Finds a board that is named in text, so that a fresh interpreter can find it too."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from proofs.harness.adapter import Board


class BoardPathError(ValueError):
    """The text names no board; says what is wrong with it."""


def load_board(text: str) -> Board:
    """The board named ``MODULE:CALLABLE`` or ``path/to/file.py:CALLABLE``.

    Its module may import what lies beside it: for a file that is its folder, for a module the
    working directory. Raises ``BoardPathError``; what the module itself raises while it is imported
    is its cause.
    """
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise BoardPathError(f"board must be MODULE:CALLABLE or path/file.py:CALLABLE, got {text}")
    folder = _folder_of(place)
    try:
        with importable_from(folder):
            module = _from_file(place) if _is_file(place) else importlib.import_module(place)
    except (Exception, SystemExit) as error:  # a script that ends itself is no module to import
        raise BoardPathError(
            f"board must name what can be imported, got {text} ({type(error).__name__}: {error})"
            f"{_advice(place, folder, error)}"
        ) from error
    if folder not in sys.path:
        sys.path.append(folder)  # for imports within functions; last, so that it hides nothing
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise BoardPathError(f"board must name something in {place}, got {text}")
    if not callable(found):
        raise BoardPathError(f"board must name a callable, got {text}, a {type(found).__name__}")
    board: Board = found
    return board


@contextmanager
def importable_from(folder: str) -> Iterator[None]:
    """What lies there is found first meanwhile, as for a program that Python starts."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(folder)


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def _folder_of(place: str) -> str:
    return os.path.dirname(os.path.abspath(place)) if _is_file(place) else os.getcwd()


def _advice(place: str, folder: str, error: BaseException) -> str:
    """Where an import was looked for, and what to do so that it is found."""
    if _is_file(place) and "relative import" in str(error):
        return "; name a file that is part of a package by its module, package.module:CALLABLE"
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return ""
    looked = f"; looked for {error.name} in {folder} and among what is installed"
    if f"{place}.".startswith(f"{error.name}."):
        return f"{looked}; start where it lies, or name its file, path/to/file.py:CALLABLE"
    return f"{looked}; put it there, or install it"


def _from_file(place: str) -> ModuleType:
    """The module in this file, imported once, under a name that shadows no other."""
    path = os.path.abspath(place)
    name = f"board_file_{Path(place).stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == path:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
