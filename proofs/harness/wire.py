"""Messages between a process gate and its workers, whole, over a socket."""

from __future__ import annotations

import _thread
import pickle
import socket
import struct
from typing import Any, NamedTuple

from proofs.harness.effects import Effect
from proofs.harness.history import Operation
from proofs.harness.record import Record
from proofs.harness.trace import Step
from strategies.clocks import Clock
from strategies.faults import Fault
from strategies.interleavings import Interleaving
from strategies.programs import Program

_LENGTH = struct.Struct("!I")
_CHUNK_BYTES = 1 << 16
_allocate_lock = _thread.allocate_lock  # the real one, though the doors be open

PlainStep = tuple[str, str, tuple[str, ...], str, bool, str | None, bool, bool, str | None]
"""An agent or a part of it, an effect, and all else of a step."""

PlainRecord = tuple[list[tuple[Any, ...]], list[str], list[str]]


class Start(NamedTuple):
    """To a worker: make ready to be this agent. It answers ``Ready`` and waits for a ``Go``.

    ``run`` is a pickled ``Run``, the same for all agents.
    """

    agent: str
    run: bytes


class Run(NamedTuple):
    """What all workers are told of a run."""

    board: str
    root: str
    programs: tuple[tuple[str, Program], ...]
    interleaving: Interleaving
    clock: Clock
    chance: int
    faults: tuple[Fault, ...]
    is_guarded: bool
    hanging_seconds: float
    film: str | None = None


class Ready(NamedTuple):
    """From a worker: it stands at the gate, or ``error`` says why it cannot."""

    error: str | None = None


class Go(NamedTuple):
    """To a worker: its agent, or a part of it, was chosen.

    ``state`` is that of the run's ``Scheduling``, now its own.
    """

    chosen: str
    state: tuple[Any, ...]


class HandedOver(NamedTuple):
    """From a worker: ``chosen`` is to go on; ``steps`` happened in the turn."""

    chosen: str
    state: tuple[Any, ...]
    steps: list[PlainStep]


class Ended(NamedTuple):
    """From a worker: its agent and all parts of it are done, and ``chosen`` is to go on, if any.

    ``error`` is what the program raised and should not have: in one line, and where it came from.
    """

    chosen: str | None
    state: tuple[Any, ...]
    steps: list[PlainStep]
    record: PlainRecord
    error: str | None


class Failed(NamedTuple):
    """From a worker: it could not go on, which is our own fault, with the way that led there."""

    trace: str


class Killed(NamedTuple):
    """From a worker: it is about to end by SIGKILL, as a fault has it, and ``chosen`` goes on."""

    chosen: str | None
    state: tuple[Any, ...]
    steps: list[PlainStep]
    record: PlainRecord


class AtWork(NamedTuple):
    """From a worker or a child: it lives, whatever its agent does; no answer to anything."""


class Hangs(NamedTuple):
    """From a worker or a child: its agent does not come to any door, as ``words`` tell."""

    words: str


Message = Start | Ready | Go | HandedOver | Ended | Failed | Killed | AtWork | Hangs


def plain_steps(steps: list[Step]) -> list[PlainStep]:
    """Steps as what pickles in one go."""
    return [(step.agent, *step.effect, *step[2:]) for step in steps]


def steps_of(plain: list[PlainStep]) -> list[Step]:
    """The inverse of ``plain_steps``."""
    return [
        Step(agent, Effect(kind, paths, detail, changes), error, waits, made, fault)
        for agent, kind, paths, detail, changes, error, waits, made, fault in plain
    ]


def plain_record(record: Record) -> PlainRecord:
    """A record as what pickles in one go."""
    fields = Operation.__slots__
    operations = [tuple([getattr(one, name) for name in fields]) for one in record.operations]
    return (operations, sorted(record.lacking), record.descriptors)


def record_of(plain: PlainRecord) -> Record:
    """The inverse of ``plain_record``."""
    operations, lacking, descriptors = plain
    return Record([Operation(*fields) for fields in operations], set(lacking), descriptors)


class Connection:
    """One end of a socket. Both ends trust each other: what comes is unpickled."""

    def __init__(self, end: socket.socket) -> None:
        end.set_inheritable(False)  # what a board starts must not keep it open
        self._socket = end
        self._received = b""
        self._sending = _allocate_lock()

    def send(self, *messages: Message) -> None:
        """Whole, whichever thread sends. Raises ``OSError`` if nobody is there any more."""
        data = b"".join(map(_framed, messages))
        with self._sending:
            self._socket.sendall(data)

    def is_cut(self) -> bool:
        """Whether nobody is at the other end any more, as far as can be told without reading."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def receive(self) -> Message:
        """The next message. Raises ``EOFError`` if there will be none, ``TimeoutError``."""
        received = self._at_least(_LENGTH.size)
        end = _LENGTH.unpack_from(received)[0] + _LENGTH.size
        received = self._at_least(end)
        message: Message = pickle.loads(received[_LENGTH.size : end])
        self._received = received[end:]
        return message

    def close(self) -> None:
        """The other end meets the end of the file."""
        self._socket.close()

    def _at_least(self, size: int) -> bytes:
        while len(self._received) < size:
            try:
                data = self._socket.recv(_CHUNK_BYTES)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError("nobody is at the other end")
            self._received += data
        return self._received


def _framed(message: Message) -> bytes:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data
