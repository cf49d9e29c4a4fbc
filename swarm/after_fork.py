"""What a forked child must drop: locks, descriptors and half-made state of its parent's threads."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class ForgetsInChild(Protocol):
    """Something whose state belongs to the process that made it."""

    def forget_after_fork(self) -> None:
        """Called in the child, before any other Python code of it runs."""


_registered: WeakSet[ForgetsInChild] = WeakSet()


def forget_in_child(thing: ForgetsInChild) -> None:
    """From now on, and as long as it lives, ``thing`` is told when it finds itself in a child."""
    _registered.add(thing)


fork_gate = threading.RLock()
"""While a thread holds this, no other thread forks: for a descriptor that is not yet, or no
longer, on record, and that a child would keep unknowingly."""


def _in_child() -> None:
    fork_gate.release()
    for thing in list(_registered):
        thing.forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=fork_gate.acquire, after_in_parent=fork_gate.release, after_in_child=_in_child
    )
