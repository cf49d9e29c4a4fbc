"""Locks that were there before a run: modules of a board hold them, agents meet them.

Reached are the variables of modules, of their classes, and of instances that these hold, three
levels deep: conditions, events, semaphores, barriers, queues and pools among them, and the locks,
conditions and events of ``multiprocessing``. Not reached is
what lies in a list or a dict, in slots, or with an object of Python's own modules other than these;
an agent that waits for such a lock while another holds it at the gate holds up the run.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import thread as pools
from types import BuiltinMethodType, FunctionType, ModuleType, NoneType
from typing import Any, Final

from proofs.harness.doors import process_locks
from proofs.harness.doors.replacing import Replacement
from proofs.harness.doors.thread_locks import LOCK_TYPES, ThreadLock, stand_in

_LEVELS = 3
_SimpleQueue = queue.SimpleQueue
_PythonQueue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]
_HOLDERS: Final = (
    *(threading.Condition, threading.Event, threading.Semaphore, threading.Barrier),
    *(queue.Queue, _PythonQueue, pools.ThreadPoolExecutor, functools.cached_property),
    *process_locks.HOLDERS,
)
_HOLD_NONE: Final[frozenset[type]] = frozenset(
    {
        *(str, int, float, bool, bytes, tuple, list, dict, set, frozenset, NoneType),
        *(FunctionType, ModuleType, property, staticmethod, classmethod),
    }
)
"""Most of what modules and classes have: neither a lock nor looked into."""


def replacements(modules: Sequence[ModuleType]) -> Iterator[Replacement]:
    """A stand-in for each lock that is found, the same wherever it is found."""
    found = _Found({module.__name__ for module in modules})
    for module in sorted([*modules, pools], key=lambda module: module.__name__):
        yield from found.within(module, module.__name__, _LEVELS)


class _Found:
    def __init__(self, names: set[str]) -> None:
        self._modules = names
        self._stand_ins: dict[int, ThreadLock] = {}
        self._seen: set[int] = set()

    def within(self, holder: Any, name: str, levels: int) -> Iterator[Replacement]:
        if id(holder) in self._seen:
            return
        self._seen.add(id(holder))
        for key, value in list(vars(holder).items()):
            if type(value) in _HOLD_NONE:
                continue
            path = f"{name}.{key}"
            if isinstance(value, process_locks.TYPES):
                yield from self._of_processes(value, path)
                continue
            new = self._replaced(value, path)
            if new is not None:
                yield Replacement(holder, key, new)
            elif levels and self._may_hold(value, name):
                yield from self.within(value, path, levels - 1)

    def _of_processes(self, lock: Any, path: str) -> Iterator[Replacement]:
        if id(lock) not in self._seen:
            self._seen.add(id(lock))
            yield from process_locks.methods(lock, f"<{path}>")

    def _replaced(self, value: Any, path: str) -> Any:
        if isinstance(value, LOCK_TYPES):
            return self._stand_in(value, path)
        if isinstance(value, BuiltinMethodType) and isinstance(value.__self__, LOCK_TYPES):
            stands_in = self._stand_in(value.__self__, path)  # a condition keeps its lock's methods
            return getattr(stands_in, value.__name__, None)
        if isinstance(value, _SimpleQueue) and value.empty():
            return _PythonQueue()  # the real one waits within C
        return None

    def _stand_in(self, lock: Any, path: str) -> ThreadLock:
        if id(lock) not in self._stand_ins:
            self._stand_ins[id(lock)] = stand_in(f"<{path}>", lock)
        return self._stand_ins[id(lock)]

    def _may_hold(self, value: Any, name: str) -> bool:
        if isinstance(value, ModuleType) or not hasattr(type(value), "__dict__"):
            return False
        if isinstance(value, type):
            return value.__module__ == name
        is_known = isinstance(value, _HOLDERS) or type(value).__module__ in self._modules
        return is_known and isinstance(getattr(value, "__dict__", None), dict)
