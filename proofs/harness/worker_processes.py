"""How the processes of workers begin and end: as new interpreters, or forked from a warm one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import IO, Protocol

from proofs.harness.nursery import NOBODY, NUMBER, can_pass_sockets

WARM_SECONDS_MAX = 60.0
"""How long the nursery may take to import a board, or to fork."""


class WorkerProcess(Protocol):
    """A process that is waited for here; as of ``subprocess.Popen``."""

    @property
    def pid(self) -> int:
        """Its number, its own until it was waited for."""
        ...

    def kill(self) -> None:
        """It is gone soon, if it is not yet."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Reap it, once it has ended: its exit code, negative for a signal."""
        ...


def started() -> tuple[WorkerProcess, socket.socket]:
    """A worker in an interpreter of its own, and this end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        return interpreter("proofs.harness.worker", theirs), ours


class Nursery:
    """A warm interpreter that forks workers, and reaps them. To be ended.

    The first that is asked for has to wait for its start. Its workers end with whoever holds the
    other ends of their sockets, and so with this process.
    """

    def __init__(self, board: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(WARM_SECONDS_MAX)
        with theirs:
            self._process = interpreter("proofs.harness.nursery", theirs, board)

    def forked(self) -> tuple[WorkerProcess, socket.socket] | None:
        """A worker, and this end of its socket; None if none can be forked."""
        if not can_pass_sockets():
            return None
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._socket, [NUMBER.pack(NOBODY)], [theirs.fileno()])
                pid = self._answer()
            except (OSError, EOFError):
                pid = NOBODY  # it could not import the board, or is dead
        if pid == NOBODY:
            ours.close()
            return None
        return _Forked(self, pid), ours

    def reap(self, pid: int) -> int:
        """Wait for the end of one of its workers: the exit code.

        Raises ``EOFError`` or ``ConnectionError`` if the nursery is dead, ``TimeoutError``.
        """
        self._socket.sendall(NUMBER.pack(pid))
        return self._answer()

    def end(self) -> None:
        """Nothing is left of it; its workers must have ended."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _answer(self) -> int:
        data = self._socket.recv(NUMBER.size)
        if len(data) < NUMBER.size:
            raise EOFError("the nursery is dead")
        number: int = NUMBER.unpack(data)[0]
        return number


class _Forked:
    """A worker that the nursery forked, and must reap."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._exit_code: int | None = None

    def kill(self) -> None:
        """As of ``Popen``: nothing happens to others once it was reaped."""
        if self._exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """As of ``Popen``; the nursery has a limit of its own, and raises ``TimeoutError``."""
        if self._exit_code is None:
            try:
                self._exit_code = self._nursery.reap(self.pid)
            except (ConnectionError, EOFError):
                self._exit_code = -signal.SIGKILL  # the system reaps it, for the nursery is dead
        return self._exit_code


def interpreter(
    module: str, end: socket.socket, *arguments: str, errors: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """A module run in an interpreter of its own, which has this end of a socket.

    What it prints goes where ours goes; with ``errors`` its errors go there, the rest nowhere.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(end.fileno()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=None if errors is None else subprocess.DEVNULL,
        stderr=errors,
        pass_fds=[end.fileno()],
        env=_environment(),
        process_group=0,  # an interrupt from the keyboard is for this process alone
    )


def _environment() -> dict[str, str]:
    """As here; with ``-P`` exactly what can be imported here can be there. Sets have one order."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
