"""What a forked child must drop: locks, descriptors and half-made state of its parent's threads."""

from __future__ import annotations

import os
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


def _in_child() -> None:
    for thing in list(_registered):
        thing.forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
