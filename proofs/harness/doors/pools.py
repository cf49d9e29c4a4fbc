"""Pools of threads and their futures: in the order in which they were made, not by addresses.

A future of an agent bears a number as its hash, so that a set of futures has one order; several
futures are locked, and the threads of a pool joined, in the order in which they were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import _base as futures
from concurrent.futures import thread as pools
from typing import Any

from proofs.harness.agents import acting
from proofs.harness.doors.replacing import Replacement

_RealFuture, _RealAcquireFutures = futures.Future, futures._AcquireFutures
_real_init = pools.ThreadPoolExecutor.__init__


def replacements() -> Iterator[Replacement]:
    """What takes the place of futures, of their locking, and of the making of pools."""
    yield Replacement(futures, "Future", _Future)
    yield Replacement(futures, "_AcquireFutures", _AcquireFutures)
    yield Replacement(pools.ThreadPoolExecutor, "__init__", _init)


class _Future(_RealFuture):  # type: ignore[misc, valid-type]
    """A future whose hash is its number among those of the part that made it."""

    def __init__(self) -> None:
        super().__init__()
        agent = acting.agent
        self._hash = id(self) >> 4 if agent is None else agent.number("future")

    def __hash__(self) -> int:
        return self._hash


class _AcquireFutures(_RealAcquireFutures):  # type: ignore[misc, valid-type]
    def __init__(self, several: Iterable[Any]) -> None:
        super().__init__(several)
        if acting.agent is not None:
            self.futures: list[Any] = sorted(several, key=hash)


class _Threads(dict[Any, None]):
    """The threads of a pool, in order; what a pool asks of a set."""

    def add(self, thread: Any) -> None:
        self[thread] = None


def _init(pool: Any, *args: Any, **kwargs: Any) -> None:
    _real_init(pool, *args, **kwargs)
    if acting.agent is not None:
        pool._threads = _Threads()
