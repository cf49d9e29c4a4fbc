"""Children that an agent forks: made, waited for, killed and ended at its gate.

Whoever waits for a program that is no such child looks again and again, in real time.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from multiprocessing import popen_fork, process

from proofs.harness.agents import ActingAgent, acting, nobody_acting
from proofs.harness.children import Child
from proofs.harness.doors.replacing import Replacement
from proofs.harness.doors.thread_locks import STANDING
from proofs.harness.doors.threads import forget_threads, join_threads
from proofs.harness.effects import Effect

_real_fork, _real_exit, _real_kill = os.fork, os._exit, os.kill
_real_waitpid, _real_shutdown = os.waitpid, threading._shutdown  # type: ignore[attr-defined]
_real_abort, _real_sleep = os.abort, time.sleep
_real_cleanup = process._cleanup  # type: ignore[attr-defined]
_real_popen_wait = popen_fork.Popen.wait
_LOOK_AGAIN_SECONDS = 0.001


def replacements() -> Iterator[Replacement]:
    """What takes the place of making children, waiting for them, and ending as one."""
    yield Replacement(os, "fork", _fork)
    yield Replacement(os, "_exit", _exit)
    yield Replacement(os, "abort", _abort)
    yield Replacement(os, "kill", _kill)
    yield Replacement(os, "waitpid", _waitpid)
    yield Replacement(os, "wait", _wait)
    yield Replacement(popen_fork.Popen, "wait", _popen_wait)
    yield Replacement(process, "_cleanup", _cleanup)
    yield Replacement(threading, "_shutdown", _shutdown)


def _fork() -> int:
    agent = acting.agent
    return _real_fork() if agent is None else agent.fork(_really_fork)


def _really_fork() -> int | None:
    """Also beside the threads of other agents, of which the child has none.

    What is to be done before a fork may take a lock of a module, and would wait for it in vain.
    """
    agent = acting.agent
    if any(lock.is_held_by_another(agent) for lock in list(STANDING)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with nobody_acting():
            pid = _real_fork()
    if pid == 0:
        forget_threads()
    return pid


def _exit(code: int) -> None:
    agent = acting.agent
    if agent is not None and agent.is_child:
        agent.leave(code)
    if agent is not None:
        agent.end_process(f"called os._exit({code})")
    _real_exit(code)


def _abort() -> None:
    agent = acting.agent
    if agent is not None and not agent.is_child:
        agent.end_process("called os.abort()")
    _real_abort()


def _shutdown() -> None:
    if acting.agent is not None:
        join_threads()
    with nobody_acting():
        _real_shutdown()


def _path(child: Child) -> str:
    return f"<{child.name}>"


def _kill(pid: int, number: int) -> None:
    agent = acting.agent
    child = None if agent is None else agent.children.by_pid.get(pid)
    if agent is not None and not agent.is_child and pid == os.getpid() and number != 0:
        agent.end_process(f"sent signal {int(number)} to its own process")
    if agent is None or child is None or (child.part.is_done and child.status is None):
        _real_kill(pid, number)
        return
    if child.part.is_done:
        return  # as to one that has ended and was not waited for

    def act() -> None:
        if number == signal.SIGKILL:
            child.kill()
        else:
            _real_kill(pid, number)
        if number not in (0, signal.SIGKILL):
            agent.unseen(f"sent signal {number} to {child.name}, which no gate can stop")
        agent.wake(child.part)

    agent.perform(Effect("kill", (_path(child),), str(int(number)), changes=True), act)


def _waitpid(pid: int, options: int) -> tuple[int, int]:
    agent = acting.agent
    if agent is None:
        return _real_waitpid(pid, options)
    children = agent.children.left() if pid in (-1, 0) else _one(agent, pid)
    if not children:
        return _look_again_and_again(agent, pid, options)
    done = _done(agent, children, is_try=bool(options & os.WNOHANG))
    if done is None:
        return 0, 0
    if done.status is None:  # it has become another program
        found, status = _look_again_and_again(agent, done.pid, options)
        done.status = status if found else None
    done.is_told = done.status is not None
    if done.status is None:
        return 0, 0
    return done.pid, done.status


def _wait() -> tuple[int, int]:
    return _waitpid(-1, 0)


def _one(agent: ActingAgent, pid: int) -> list[Child]:
    return [child for child in agent.children.left() if child.pid == pid]


def _done(agent: ActingAgent, children: Sequence[Child], *, is_try: bool) -> Child | None:
    """The first that has ended; None if none has, and this was no more than a look."""
    paths = tuple(map(_path, children))

    def first() -> Child | None:
        return next((child for child in children if child.part.is_done), None)

    if is_try:
        return agent.perform(Effect("wait", paths, "try"), first)
    agent.wait_for(Effect("wait", paths), lambda: first() is not None, None)
    return first()


def _look_again_and_again(agent: ActingAgent, pid: int, options: int) -> tuple[int, int]:
    """For what runs in real time."""
    while True:
        found, status = _real_waitpid(pid, options | os.WNOHANG)
        if found or options & os.WNOHANG:
            return found, status
        _real_sleep(_LOOK_AGAIN_SECONDS)
        agent.sleep(_LOOK_AGAIN_SECONDS)


def _popen_wait(popen: popen_fork.Popen, timeout: float | None = None) -> int | None:
    """``Process.join``: what has not ended in time is not waited for in real time."""
    agent = acting.agent
    children = [] if agent is None else _one(agent, popen.pid)
    if agent is None or not children or popen.returncode is not None or timeout is None:
        return _real_popen_wait(popen, timeout)
    part = children[0].part
    effect = Effect("wait", (_path(children[0]),))
    if not agent.wait_for(effect, lambda: part.is_done, max(timeout, 0.0)):
        return None
    return popen.poll(0)


def _cleanup() -> None:
    """What ``multiprocessing`` does before it starts a child, in the order of their making."""
    if acting.agent is None:
        _real_cleanup()
        return
    for child in sorted(process._children, key=lambda child: child._identity):  # type: ignore[attr-defined]
        if child._popen is not None and child._popen.poll() is not None:
            process._children.discard(child)  # type: ignore[attr-defined]
