"""Puts functions in the place of others, wherever code has taken them, and back again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple


class Replacement(NamedTuple):
    """``owner.name`` is to be ``new`` for a while."""

    owner: Any
    name: str
    new: Any


Undo = Callable[[], None]


@contextmanager
def replaced(replacements: Iterable[Replacement], swept: Iterable[ModuleType]) -> Iterator[None]:
    """Replace, also where code of the ``swept`` modules took the old thing.

    That is under a name of the module's own or of a class of it, as the default of a parameter, and
    in a closure, as of a dataclass' default factory. Everything is put back as it was, whatever
    happens meanwhile.
    """
    undo: list[Undo] = []
    try:
        new: dict[int, tuple[Any, Any]] = {}
        for owner, name, replacement in replacements:
            old = getattr(owner, name)
            new[id(old)] = (old, replacement)
            undo.append(_set(owner, name, replacement))
        ours = {id(replacement) for _, replacement in new.values()}
        for module in swept:
            for name, value in list(vars(module).items()):
                if id(value) in new:
                    undo.append(_set(module, name, new[id(value)][1]))
            classes = list(_classes(module))
            for owner in classes:
                undo.extend(_sweep_class(owner, new))
            for function in _functions(module, classes):
                if id(function) not in ours:  # which enclose the old thing to lead to it
                    undo.extend(_sweep(function, new))
        yield
    finally:
        for put_back in reversed(undo):
            put_back()


def modules_to_sweep() -> list[ModuleType]:
    """Whatever may hold a board's code: neither Python's own modules nor tools of the proofs."""
    return [module for name, module in list(sys.modules.items()) if may_hold_a_board(name)]


def modules_that_kept_doors() -> list[ModuleType]:
    """Python's own modules for files and times that took what is a door when they were imported."""
    return [sys.modules[name] for name in _KEPT_DOORS if name in sys.modules]


def may_hold_a_board(module: str) -> bool:
    """Whether the code of the module of this name may be a board's."""
    return module.partition(".")[0] not in _NOT_SWEPT and not module.startswith("proofs.harness")


TOOLS = frozenset({"hypothesis", "pytest", "_pytest", "pluggy", "coverage"})
"""What runs the proofs and belongs to no board."""

_WRAPPERS = (staticmethod, classmethod, property, MethodType)

_KEPT_DOORS = ("bz2", "glob", "sched", "tarfile", "tempfile")

_NOT_SWEPT = sys.stdlib_module_names | TOOLS | {"__main__"}


def _set(owner: Any, name: str, new: Any) -> Undo:
    old = getattr(owner, name)
    is_plain = isinstance(owner, type | ModuleType)
    put = setattr if is_plain else object.__setattr__  # which asks no class that refuses
    put(owner, name, new)
    return lambda: put(owner, name, old)


def _functions(module: ModuleType, classes: Iterable[type]) -> Iterator[FunctionType]:
    """The functions of a module and of its classes that took anything when they were defined."""
    members = [vars(owner).values() for owner in classes]
    for value in [*vars(module).values(), *chain.from_iterable(members)]:
        is_wrapped = isinstance(value, _WRAPPERS)
        function = getattr(value, "__func__", getattr(value, "fget", None)) if is_wrapped else value
        if type(function) is FunctionType and (
            function.__defaults__ or function.__closure__ or function.__kwdefaults__
        ):
            yield function


def _classes(module: ModuleType) -> Iterator[type]:
    """The classes that a module defines."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield value


def _sweep_class(owner: type, new: dict[int, tuple[Any, Any]]) -> Iterator[Undo]:
    """Replace what a class took under a name of its own; a function of C is no method there."""
    for name, value in list(vars(owner).items()):
        old, replacement = new.get(id(getattr(value, "__func__", value)), (None, None))
        if old is not None:
            is_function = isinstance(replacement, FunctionType)
            setattr(owner, name, staticmethod(replacement) if is_function else replacement)
            yield partial(setattr, owner, name, value)


def _sweep(function: FunctionType, new: dict[int, tuple[Any, Any]]) -> Iterator[Undo]:
    """Replace what a function took as the default of a parameter, or encloses."""
    defaults = function.__defaults__ or ()
    if any(id(value) in new for value in defaults):
        swept = tuple(new.get(id(value), (None, value))[1] for value in defaults)
        yield _set(function, "__defaults__", swept)
    named = function.__kwdefaults__ or {}
    if any(id(value) in new for value in named.values()):
        swept_named = {name: new.get(id(v), (None, v))[1] for name, v in named.items()}
        yield _set(function, "__kwdefaults__", swept_named)
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            continue  # not filled yet
        if id(value) in new:
            yield _set(cell, "cell_contents", new[id(value)][1])
