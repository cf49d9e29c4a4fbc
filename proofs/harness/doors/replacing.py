"""Puts functions in the place of others, in every module that has them by name, and back again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple


class Replacement(NamedTuple):
    """``owner.name`` is to be ``new`` for a while."""

    owner: Any
    name: str
    new: Any


@contextmanager
def replaced(replacements: Iterable[Replacement], swept: Iterable[ModuleType]) -> Iterator[None]:
    """Replace, also where one of the ``swept`` modules took the old thing under a name of its own.

    Everything is put back as it was, whatever happens meanwhile.
    """
    undo: list[Replacement] = []
    try:
        by_identity = {}
        for owner, name, new in replacements:
            old = getattr(owner, name)
            undo.append(Replacement(owner, name, old))
            setattr(owner, name, new)
            by_identity[id(old)] = (old, new)
        for module in swept:
            for name, value in list(vars(module).items()):
                if id(value) in by_identity:
                    undo.append(Replacement(module, name, value))
                    setattr(module, name, by_identity[id(value)][1])
        yield
    finally:
        for owner, name, old in reversed(undo):
            setattr(owner, name, old)


def modules_to_sweep() -> list[ModuleType]:
    """Whatever may hold a board's code: neither Python's own modules nor tools of the proofs."""
    return [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in _NOT_SWEPT and not name.startswith("proofs.harness")
    ]


_NOT_SWEPT = sys.stdlib_module_names | {"hypothesis", "pytest", "_pytest", "pluggy", "__main__"}
