"""The workers of a process gate: one for each seat, kept, replaced when dead, always reaped."""

from __future__ import annotations

import socket

from proofs.harness.hanging import HangingError
from proofs.harness.wire import AtWork, Connection, Message
from proofs.harness.worker_processes import Nursery, WorkerProcess, started

ANSWER_SECONDS_MAX = 60.0
"""How long a worker may give no sign of life. One that hangs says so itself (see ``lookout``)."""


class WorkerError(Exception):
    """A worker was dead before its turn, cannot open the board, or its program raised."""


class Worker:
    """A worker process, and this end of its socket."""

    def __init__(self, process: WorkerProcess, end: socket.socket) -> None:
        end.settimeout(ANSWER_SECONDS_MAX)
        self.process = process
        self._connection = Connection(end)

    def send(self, *messages: Message) -> None:
        """Raises ``WorkerError`` if it is dead."""
        if not self.tell(*messages):
            raise WorkerError(f"worker {self.process.pid} must live, got {self.ending()}")

    def tell(self, *messages: Message) -> bool:
        """Send; False if it is dead."""
        try:
            self._connection.send(*messages)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self) -> Message | None:
        """What it says; None if it is dead. Raises ``HangingError`` without any sign of life."""
        try:
            while isinstance(message := self._connection.receive(), AtWork):
                pass
        except EOFError:
            return None
        except TimeoutError:
            words = f"worker {self.process.pid} gave no sign of life in {ANSWER_SECONDS_MAX:g} s"
            told = "its agent was stopped, or called what lets no other thread run"
            raise HangingError(f"{words}: {told}; it was killed for it") from None
        return message

    def end(self) -> None:
        """Nothing is left of it afterwards."""
        self._connection.close()
        self.process.kill()
        self.process.wait()

    def ending(self) -> str:
        """How it came to its end."""
        return f"exit code {self.process.wait(ANSWER_SECONDS_MAX)}"


class Workers:
    """A worker for each seat.

    The first in a seat is an interpreter of its own from the beginning. Who takes its place later
    is forked from an interpreter that has the board imported and the doors open, if that can fork
    safely: a replacement then takes a few milliseconds instead of the start of an interpreter.
    """

    def __init__(self, board: str) -> None:
        self._board = board
        self._workers: dict[int, Worker] = {}
        self._seats_taken: set[int] = set()
        self._nursery: Nursery | None = None

    @property
    def pids(self) -> list[int]:
        """The processes of those that are kept, by seat."""
        return [worker.process.pid for _, worker in sorted(self._workers.items())]

    def at(self, seat: int) -> Worker:
        """The one in this seat, made if there is none."""
        if seat not in self._workers:
            is_first = seat not in self._seats_taken
            self._workers[seat] = Worker(*(started() if is_first else self._forked()))
            self._seats_taken.add(seat)
        return self._workers[seat]

    def bury(self, seat: int) -> None:
        """The one in this seat is about to end, if it has not; nothing is left of it afterwards."""
        self._workers.pop(seat).end()

    def replace(self, seat: int) -> Worker:
        """End the one in this seat, and put another in its place."""
        self.bury(seat)
        return self.at(seat)

    def kill_all_at_work(self) -> None:
        """Whoever waits for one of them, in another thread, sees it end."""
        for worker in list(self._workers.values()):
            worker.process.kill()

    def end_all_at_work(self) -> None:
        """Nothing is left of any, but they can be replaced fast."""
        while self._workers:
            self._workers.popitem()[1].end()

    def end(self) -> None:
        """Nothing is left."""
        self.end_all_at_work()
        self._seats_taken.clear()
        if self._nursery is not None:
            self._nursery.end()
            self._nursery = None

    def _forked(self) -> tuple[WorkerProcess, socket.socket]:
        if self._nursery is None:
            self._nursery = Nursery(self._board)
        return self._nursery.forked() or started()
