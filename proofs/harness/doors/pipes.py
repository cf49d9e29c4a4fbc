"""Pipes between an agent and its children: whoever reads looks again and again, at the gate.

That is ``os.read`` on a pipe or socket, and what ``multiprocessing`` receives and waits for.
Selectors are no doors, nor is writing to a pipe that is full.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from multiprocessing import connection
from typing import Any

from proofs.harness.agents import ActingAgent, acting, nobody_acting
from proofs.harness.doors.replacing import Replacement

_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.001, 1.0  # each is twice as long as the one before
_real_fstat, _real_select = os.fstat, select.select
_real_receive = connection.Connection._recv  # type: ignore[attr-defined]
_real_wait = connection.wait


def replacements() -> Iterator[Replacement]:
    """What takes the place of receiving and waiting in ``multiprocessing``."""
    yield Replacement(connection.Connection, "_recv", _receive)
    yield Replacement(connection, "wait", _wait)


def await_readable(agent: ActingAgent, descriptor: int) -> None:
    """Return once something can be read there, if it is a pipe that may lead to a child."""
    if not _has_relatives(agent) or not _is_pipe(descriptor):
        return
    pause = _PAUSE_SECONDS
    while not _real_select([descriptor], [], [], 0)[0]:
        agent.sleep(pause)
        pause = min(2 * pause, _PAUSE_SECONDS_MAX)


def _receive(self: Any, size: int, *args: Any) -> Any:
    agent = acting.agent
    if agent is not None:
        await_readable(agent, self.fileno())
    return _real_receive(self, size, *args)


def _wait(several: Any, timeout: float | None = None) -> Any:
    agent = acting.agent
    if agent is None or not _has_relatives(agent):
        return _real_wait(several, timeout)
    several = list(several)
    deadline = None if timeout is None else agent.clock.monotonic_ns() + int(timeout * 1e9)
    pause = _PAUSE_SECONDS
    while not (ready := _ready(several)):
        if deadline is not None and agent.clock.monotonic_ns() >= deadline:
            break
        agent.sleep(pause)
        pause = min(2 * pause, _PAUSE_SECONDS_MAX)
    return ready


def _ready(several: list[Any]) -> Any:
    with nobody_acting():  # it asks the clock, too
        return _real_wait(several, 0)


def _has_relatives(agent: ActingAgent) -> bool:
    return agent.is_child or bool(agent.children.by_pid)


def _is_pipe(descriptor: int) -> bool:
    mode = _real_fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
