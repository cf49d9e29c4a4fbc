"""The processes of a soak: started, told what to do, killed, replaced, and none of them left."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Final, Self

from proofs.harness.worker_processes import interpreter

_ERRORS_SHOWN: Final = 2_000


@dataclass(slots=True, eq=False)
class Member:
    """One process, and this end of its socket. ``told`` is what it sent and nobody has taken.

    ``is_up`` once it has imported its board.
    """

    process: subprocess.Popen[bytes]
    end: socket.socket
    errors: IO[bytes]
    received: bytes = b""
    told: list[dict[str, Any]] = field(default_factory=list)
    is_up: bool = False
    is_gone: bool = False

    def order(self, **order: Any) -> None:
        """Say what to do; who is dead does not hear it, which shows when it is listened to."""
        with suppress(OSError):
            self.end.sendall((json.dumps(order) + "\n").encode())

    def hear(self) -> None:
        """Take what it sent, without waiting."""
        try:
            data = self.end.recv(1 << 20)
        except OSError:
            data = b""
        self.is_gone = not data
        *lines, self.received = (self.received + data).split(b"\n")
        for told in map(json.loads, lines):
            if told == {"up": True}:
                self.is_up = True
            else:
                self.told.append(told)

    def kill(self) -> int:
        """With all its children; reaped. The exit code, that of a kill if it lived until now."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def last_errors(self) -> str:
        """The end of what it wrote on standard error."""
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - _ERRORS_SHOWN))
        return self.errors.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Nothing of it is left here."""
        self.end.close()
        self.errors.close()


class Crew:
    """So many agents and a spare one, each an interpreter of its own that has imported the board.

    Whoever holds no end of their sockets any more has no agents: they end with this process,
    however it ends.
    """

    def __init__(self, board: str, agents: int) -> None:
        self._board = board
        self._agents = agents
        self._selector = selectors.DefaultSelector()
        self.members: list[Member] = []

    def __enter__(self) -> Self:
        try:
            self.fill()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def fill(self) -> None:
        """Start those that are missing. None is waited for: who is not up yet begins late."""
        while len(self.members) < self._agents + 1:
            ours, theirs = socket.socketpair()
            errors = TemporaryFile()  # noqa: SIM115  (closed with its member)
            with theirs:
                process = interpreter("proofs.soak.agent", theirs, self._board, errors=errors)
            member = Member(process, ours, errors)
            self._selector.register(ours, selectors.EVENT_READ, member)
            self.members.append(member)

    def kill(self, member: Member) -> int:
        """It is gone when this returns."""
        self.members.remove(member)
        self._selector.unregister(member.end)
        status = member.kill()
        member.close()
        return status

    def kill_all(self) -> None:
        """Whatever they are doing."""
        for member in list(self.members):
            self.kill(member)

    def hear(self, seconds: float) -> Iterator[Member]:
        """Who has something to tell, or is gone, within that time."""
        for key, _ in self._selector.select(seconds):
            member: Member = key.data
            member.hear()
            yield member

    def end(self) -> None:
        """No process is left."""
        self.kill_all()
        self._selector.close()
