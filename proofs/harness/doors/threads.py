"""Threads that an agent starts: each becomes a part of that agent and stops at the same gate.

What such a thread raises ends it and stands in the trace; no hook of ``threading`` hears of it. Not
seen is what threads do to the same object without a lock: two that are inside one buffered file at
once hold up the run, for its own lock is within C.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

from proofs.harness.agents import ActingAgent, Live, acting, nobody_acting
from proofs.harness.doors.replacing import Replacement
from proofs.harness.effects import Effect
from proofs.harness.kept_threads import closed_lock

_Thread = threading.Thread
_real_start, _real_join, _real_is_alive = _Thread.start, _Thread.join, _Thread.is_alive
_real_start_new_thread = _thread.start_new_thread

_parts: WeakKeyDictionary[threading.Thread, ref[ActingAgent]] = WeakKeyDictionary()
"""Not the parts themselves: they lead to all of their run, and so to the thread, for ever."""


def replacements() -> Iterator[Replacement]:
    """What takes the place of starting a thread and of waiting for its end."""
    yield Replacement(_Thread, "start", _start)
    yield Replacement(_Thread, "join", _join)
    yield Replacement(_Thread, "is_alive", _is_alive)
    yield Replacement(_thread, "start_new_thread", _start_new_thread)


def forget_threads() -> None:
    """In a child: the threads of its parent are not there."""
    _parts.clear()


def join_threads() -> None:
    """Wait for the threads that this process would wait for at its end, at the gate."""
    for thread in threading.enumerate():
        if thread in _parts and not thread.daemon and thread is not threading.current_thread():
            thread.join()


def _start(thread: threading.Thread) -> None:
    agent = acting.agent
    if agent is None:
        _real_start(thread)
        return
    _parts[thread] = ref(agent.start(partial(_begin, thread), is_daemon=thread.daemon))


def _begin(thread: threading.Thread, live: Live) -> Callable[[], None]:
    """Start it for real; all that comes before its ``run`` is Python's business, and unseen."""
    variables = vars(thread)
    own = {"run": variables["run"]} if "run" in variables else {}
    is_daemon = thread.daemon

    def put_back() -> None:
        del variables["run"]
        variables.update(own)

    def run() -> None:
        put_back()
        live(thread.run)

    with nobody_acting():
        variables["run"] = run
        variables["_daemonic"] = True  # one that never ends must not hold this process up
        try:
            _real_start(thread)
        except BaseException:
            put_back()
            raise
        finally:
            variables["_daemonic"] = is_daemon
    return partial(_real_join, thread)


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    agent = acting.agent
    if agent is None:
        _real_join(thread, timeout)
        return
    part = _part_of(thread)
    if part is None or thread is threading.current_thread():
        with nobody_acting():
            _real_join(thread, timeout)
        return
    limit = None if timeout is None else max(timeout, 0)
    if agent.wait_for(Effect("join", (f"<{part.name}>",)), lambda: part.is_done, limit):
        with nobody_acting():
            _real_join(thread)  # of what still happens to it no agent knows


def _is_alive(thread: threading.Thread) -> bool:
    agent = acting.agent
    if agent is None:
        return _real_is_alive(thread)
    part = _part_of(thread)
    if part is None:
        with nobody_acting():
            return _real_is_alive(thread)
    effect = Effect("is alive", (f"<{part.name}>",))
    return agent.perform(effect, lambda: not part.is_done)


def _part_of(thread: threading.Thread) -> ActingAgent | None:
    """Which part acts in this thread; None if none does, or if its run is gone."""
    part = _parts.get(thread)
    return None if part is None else part()


def _start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None
) -> int:
    named = dict(kwargs or {})
    agent = acting.agent
    if agent is None:
        return _real_start_new_thread(function, args, named)
    idents: list[int] = []

    def begin(live: Live) -> Callable[[], None]:
        gone = closed_lock()

        def body() -> None:
            try:
                live(partial(function, *args, **named))
            finally:
                gone.release()

        idents.append(_real_start_new_thread(body, ()))
        return lambda: gone.release() if gone.acquire() else None

    agent.start(begin, is_daemon=True)  # no process waits for such a thread
    return idents[0]
