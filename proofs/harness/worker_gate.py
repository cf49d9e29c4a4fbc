"""A gate that stands within a worker, or within a child of an agent; all others are behind it."""

from __future__ import annotations

import _thread
import os
import signal
import traceback
from collections.abc import Callable, Container
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from proofs.harness.agents import Live, nobody_acting
from proofs.harness.answers import UnfitBoardError
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.profiler import watching
from proofs.harness.kept_threads import closed_lock
from proofs.harness.lookout import Lookout
from proofs.harness.record import Record
from proofs.harness.scheduling import Scheduling
from proofs.harness.trace import Step
from proofs.harness.wire import (
    Connection,
    Ended,
    Go,
    HandedOver,
    Hangs,
    Killed,
    PlainStep,
    plain_record,
    plain_steps,
)

_exit = os._exit


class WorkerGate:
    """Whoever runs here hands over to others here by itself, to all others by its connection.

    The agent and the threads that it started take turns here among themselves. Whoever hands over
    to elsewhere is the one who waits at the connection, for whomever of them it is.
    """

    def __init__(self, connection: Connection, root: Path, scheduling: Scheduling) -> None:
        self.root = root
        self.trace: list[Step] = []
        self.scheduling = scheduling
        self.chosen = ""  # it may be a part of a child, for which one thread stands in
        self.heard = 0  # how often a child has told that it is at work
        self._is_at_work = False  # somebody here has its turn
        self._idents: dict[str, int] = {}  # of the threads
        self._connection = connection
        self._turns: dict[str, _thread.LockType] = {}
        self._gone: list[Callable[[], None]] = []  # waits until a thread is gone
        self._over = closed_lock()
        self.record_at_death: Callable[[], Record] = Record  # what a killed agent had recorded
        self._next: str | None = None  # who goes on elsewhere once all are done here

    def run(self, agent: GatedAgent, program: Callable[[], None]) -> BaseException | None:
        """Wait for the first turn and act until all is done here; what the program raised."""
        self._await_first_turn(agent)
        error = self._act(agent, program)
        self._over.acquire()
        self._is_at_work = False
        for wait_until_gone in self._gone:
            wait_until_gone()
        return error

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Let ``chosen`` go on, here or elsewhere, and wait for the next turn of this one."""
        self._pass_on(chosen)
        self._turns[agent.name].acquire()

    def enter(self, agent: GatedAgent) -> None:
        """In a child: return once it is its turn for the first time."""
        self._idents[agent.name] = _thread.get_ident()
        lookout = Lookout(self._connection)
        lookout.look_at(self)
        lookout.begin()
        try:
            self._await_first_turn(agent)
        except (EOFError, OSError):
            _exit(1)
        self._turns[agent.name].acquire()

    def leave(self, becoming: str | None) -> None:
        """In a child: the process is about to end, or to become something else."""
        with suppress(OSError):
            self._connection.send(Ended(None, *self._turn(), ([], [], []), becoming))

    def hang(self, words: str) -> None:
        """A child hangs: the other end is told, and kills this process for it."""
        with suppress(OSError):
            self._connection.send(Hangs(words))

    def end_process(self, agent: GatedAgent, words: str) -> None:
        """The process is the agent's own, and the other end sees it end."""

    def seen(self) -> object:
        """What differs once something has happened; None while nobody here has a turn."""
        return (self.scheduling.effects, self.chosen, self.heard) if self._is_at_work else None

    def at_work(self) -> tuple[str, int | None]:
        """Whose turn it is here, and the number of its thread."""
        name = local_part(self.chosen, self._turns) or self.chosen
        return name, self._idents.get(name)

    def gate_of_child(self, connection: Connection) -> WorkerGate:
        """In a child all but the child itself is behind its connection."""
        return WorkerGate(connection, self.root, self.scheduling)

    def admit(self, agent: GatedAgent, begin: Callable[[Live], Callable[[], None]]) -> None:
        """Begin a thread that waits for its first turn."""
        self._turns[agent.name] = closed_lock()

        def live(program: Callable[[], object]) -> None:
            self._act(agent, partial(agent.live, program))

        self._gone.append(begin(live))

    def end(self, record: Record, error: BaseException | None) -> None:
        """All is done here: send the run and all that was recorded."""
        with nobody_acting():
            told = None if error is None else _told(error)
        self._connection.send(Ended(self._next, *self._turn(), plain_record(record), told))

    def die(self, agent: GatedAgent) -> NoReturn:
        """Send the run and what was recorded, and end by SIGKILL: nothing is tidied up."""
        chosen = self.scheduling.kill(agent.name)
        record = plain_record(self.record_at_death())
        with nobody_acting():
            self._connection.send(Killed(chosen, *self._turn(), record))
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("SIGKILL ends this process")

    def _act(self, agent: GatedAgent, program: Callable[[], object]) -> BaseException | None:
        """One thread, from its first turn to its end."""
        self._turns[agent.name].acquire()
        self._idents[agent.name] = _thread.get_ident()
        with watching(agent):
            error = None if self.scheduling.is_over else agent.act(program)
        self._next = self.scheduling.end(agent.name, failed=error is not None)
        del self._turns[agent.name]
        if self._next is None or not self._turns:
            self._over.release()
        else:
            self._pass_on(self._next)
        return error

    def _await_first_turn(self, agent: GatedAgent) -> None:
        self._turns[agent.name] = closed_lock()
        self.chosen = self._received()
        self._turns[self.chosen].release()

    def _pass_on(self, chosen: str) -> None:
        part = local_part(chosen, self._turns)
        if part is None:
            try:
                self._connection.send(HandedOver(chosen, *self._turn()))
                chosen = self._received()
            except (EOFError, OSError):
                _exit(1)  # the other end is dead, and no board may hold this process up
            part = local_part(chosen, self._turns)
        assert part is not None, chosen
        self.chosen = chosen
        self._turns[part].release()

    def _received(self) -> str:
        """Who is to go on here."""
        self._is_at_work = False
        message = self._connection.receive()
        self._is_at_work = True
        assert isinstance(message, Go), message
        self.scheduling.restore(message.state)
        return message.chosen

    def _turn(self) -> tuple[tuple[Any, ...], list[PlainStep]]:
        steps = plain_steps(self.trace)
        self.trace.clear()
        return self.scheduling.state(), steps


def _told(error: BaseException) -> str:
    """In one line; below it where it came from, where that is not the board's author's to know."""
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, UnfitBoardError):
        return words
    return f"{words}\n{''.join(traceback.format_exception(error)).rstrip()}"


def local_part(chosen: str, here: Container[str]) -> str | None:
    """The part that was chosen, or the child among whose parts it is; None if it is not here."""
    while chosen and chosen not in here:
        chosen = chosen.rpartition(".")[0]
    return chosen or None
