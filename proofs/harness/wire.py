"""Messages between a process gate and its workers: one at a time, whole, over a socket."""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import dataclass

from proofs.harness.effects import Effect
from proofs.harness.trace import Step
from strategies.programs import Program

_LENGTH = struct.Struct("!I")
_CHUNK_BYTES = 1 << 16

PlainStep = tuple[str, tuple[str, ...], str, bool, str | None, bool, bool]


@dataclass(frozen=True, slots=True)
class Start:
    """To a worker: make ready to be this agent. It answers ``Ready`` and waits for a ``Go``."""

    board: str
    root: str
    agent: str
    program: Program
    skew_ns: int
    chance: int
    is_guarded: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: it stands at the gate, or ``error`` says why it cannot."""

    error: str | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """To a worker: it is its turn; ``scheduling`` is the pickled state of the run, now its own."""

    scheduling: bytes


@dataclass(frozen=True, slots=True)
class HandedOver:
    """From a worker: ``chosen`` is to go on; ``steps`` happened in the turn."""

    chosen: str
    scheduling: bytes
    steps: list[PlainStep]


@dataclass(frozen=True, slots=True)
class Ended:
    """From a worker: its agent is done, and ``chosen`` is to go on, nobody if None.

    ``record`` is JSON (see ``Record``); ``error`` is what the program raised and should not have.
    """

    chosen: str | None
    scheduling: bytes
    steps: list[PlainStep]
    record: str
    error: str | None


Message = Start | Ready | Go | HandedOver | Ended


def plain_steps(steps: list[Step]) -> list[PlainStep]:
    """Steps of one agent, without its name, as what pickles in one go."""
    effects = ((step.effect, step) for step in steps)
    return [(e.kind, e.paths, e.detail, e.changes, s.error, s.waits, s.made) for e, s in effects]


def steps_of(agent: str, plain: list[PlainStep]) -> list[Step]:
    """The inverse of ``plain_steps``."""
    return [
        Step(agent, Effect(kind, paths, detail, changes), error, waits, made)
        for kind, paths, detail, changes, error, waits, made in plain
    ]


class Connection:
    """One end of a socket. Both ends trust each other: what comes is unpickled."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: Message) -> None:
        """Raises ``OSError`` if nobody is there any more."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self) -> Message:
        """The next message. Raises ``EOFError`` if there will be none, ``TimeoutError``."""
        data = self._some()
        while len(data) < _LENGTH.size:
            data += self._some()
        size = _LENGTH.unpack_from(data)[0] + _LENGTH.size
        while len(data) < size:  # the ends take turns, so nothing of a next message follows
            data += self._some()
        message: Message = pickle.loads(data[_LENGTH.size :])
        return message

    def close(self) -> None:
        """The other end meets the end of the file."""
        self._socket.close()

    def _some(self) -> bytes:
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError("nobody is at the other end")
        return data
