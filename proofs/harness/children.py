"""A child that an agent forks: a process that stops at its parent's gate.

In the parent a thread stands in for the child: it has the child's turns, sends the state of the run
over to it and takes it back with what happened, as a process gate does with its workers.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from proofs.harness.agents import ActingAgent
from proofs.harness.scheduling import RunAbortedError, Scheduling
from proofs.harness.trace import Step
from proofs.harness.wire import AtWork, Connection, Ended, Go, HandedOver, Hangs, Message, steps_of


class ForkingGate(Protocol):
    """What a stand-in needs of the gate at which it stands."""

    scheduling: Scheduling
    trace: list[Step]
    chosen: str
    heard: int

    def hang(self, words: str) -> None:
        """A child hangs: the run is to be given up."""
        ...


class InChildError(BaseException):
    """Raised in a child that has just been forked, to get out of the effect of its parent."""


@dataclass(slots=True)
class Child:
    """A child as its parent knows it; ``part`` is the one that stands in for it.

    ``status`` is its exit status once it has ended, and ``is_told`` says that its parent knows.
    """

    pid: int
    connection: Connection
    part: ActingAgent
    status: int | None = None
    is_told: bool = False
    was_killed: bool = False

    @property
    def name(self) -> str:
        """That of the part."""
        return self.part.name

    def stand_in(self, gate: ForkingGate, wait_for_turn: Callable[[str], None]) -> None:
        """The child's program, seen from here: from its first turn to its end."""
        try:
            while not self._had_its_turn(gate, wait_for_turn):
                pass
        finally:
            self.connection.close()
            gate.scheduling.drop_parts(self.name)

    def _had_its_turn(self, gate: ForkingGate, wait_for_turn: Callable[[str], None]) -> bool:
        """Let the child go on until it hands over; whether it came to its end instead."""
        if gate.scheduling.is_over:
            self.kill()
            raise RunAbortedError
        try:
            self.connection.send(Go(gate.chosen, gate.scheduling.state()))
            message = self._heard(gate)
        except (EOFError, OSError):
            self._await_end()
            if not self.was_killed:
                words = f"{self.name} died in its turn, and what it did in it no gate saw"
                gate.scheduling.unseen.append(words)
            return True
        assert isinstance(message, HandedOver | Ended), message
        gate.trace.extend(steps_of(message.steps))
        gate.scheduling.restore(message.state)
        if isinstance(message, HandedOver):
            wait_for_turn(message.chosen)
        if isinstance(message, Ended) and message.error is None:
            self._await_end()  # only then are its locks free
        return isinstance(message, Ended)

    def _heard(self, gate: ForkingGate) -> Message:
        """What it has to say at the end of its turn; a child that hangs is killed instead."""
        while True:
            message = self.connection.receive()
            if isinstance(message, Hangs):
                gate.hang(message.words)
                self.strike()
            elif not isinstance(message, AtWork):
                return message
            gate.heard += 1

    def strike(self) -> bool:
        """Kill it, and let whoever stands in for it see to the rest; False if that was done."""
        is_alive = self.status is None and not self.was_killed
        if is_alive:
            self.was_killed = True
            _kill(self.pid, signal.SIGKILL)
        return is_alive

    def kill(self) -> None:
        """Nothing is left of it afterwards."""
        if self.status is None:
            self.was_killed = True
            _kill(self.pid, signal.SIGKILL)
            self._await_end()

    def _await_end(self) -> None:
        if self.status is None:
            _, self.status = _waitpid(self.pid, 0)


_kill, _waitpid = os.kill, os.waitpid


@dataclass(slots=True)
class Children:
    """The children of one process, by pid."""

    by_pid: dict[int, Child] = field(default_factory=dict)

    def fork(
        self,
        part: ActingAgent,
        really: Callable[[], int | None],
        become: Callable[[Connection], None],
    ) -> Child | None:
        """Fork; None if it may not be now. In the child ``become`` is called, then it raises
        ``InChildError``."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            pid = really()
            if pid is None:
                return None
            if pid == 0:
                for child in self.by_pid.values():
                    child.connection.close()  # a brother ends when its parent does
                self.by_pid.clear()
                ours.close()
                become(Connection(socket.socket(fileno=theirs.detach())))
                raise InChildError
            child = Child(pid, Connection(socket.socket(fileno=ours.detach())), part)
        self.by_pid[pid] = child
        return child

    def left(self) -> list[Child]:
        """Those whose end their parent was not told, in the order in which they were forked."""
        return [child for child in self.by_pid.values() if not child.is_told]
