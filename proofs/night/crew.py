"""The processes that take the turns of a night: started, asked, and none left at the end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from proofs.night.found import Found, Met
from proofs.night.memory import Peak
from proofs.night.turn import Brought, Turn
from proofs.night.worker import work

TICK_SECONDS: Final = 0.25
PATIENCE_SECONDS: Final = 240.0
"""So long a turn may go on beyond its end, to make small what it found. Then its worker is
killed."""

ENDING_SECONDS: Final = 5.0
"""So long all of them may take to end the processes that they have started themselves."""

Next = Callable[[int], Turn | None]
"""The next turn of the worker of this number; None if there is none left."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker ended amid a turn, or did not come back from it, and what that showed is lost."""

    turn: Turn
    why: str


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    turn: Turn | None = None
    began: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether it is not to be waited for any more."""
        if self.turn is None:
            return False
        return time.monotonic() > self.began + self.turn.seconds + PATIENCE_SECONDS


class Crew:
    """To be entered with ``with``: no process is left afterwards, whatever ended it.

    ``peak`` is the memory that all of them have taken so far.
    """

    def __init__(self, processes: int, boards: Path, temporary: Path) -> None:
        self.peak = Peak()
        self._boards = boards
        self._temporary = temporary
        self._workers: dict[int, _Worker | None] = dict.fromkeys(range(processes))

    def __enter__(self) -> Self:
        for number in self._workers:
            self._workers[number] = self._started(number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _held_back():
            workers = [worker for worker in self._workers.values() if worker is not None]
            for worker in workers:
                _ask_to_end(worker)
            ends = time.monotonic() + ENDING_SECONDS
            for worker in workers:
                worker.process.join(max(0.0, ends - time.monotonic()))
                _end(worker)

    def __len__(self) -> int:
        return len(self._workers)

    def play(self, following: Next) -> Iterator[Brought | Found | Met | Lost | None]:
        """Have turns played until there are none left; what comes of them, as it comes.

        None is a moment in which nothing came.
        """
        for number in self._workers:
            self._ask(number, following)
        while busy := [number for number, worker in self._all() if worker.turn is not None]:
            self.peak.look({worker.process.pid for _, worker in self._all()})
            ready = set(wait([self._at(number).connection for number in busy], TICK_SECONDS))
            for number in busy:
                if self._at(number).connection not in ready:
                    continue
                yield self._heard(number)
                if self._at(number).turn is None:
                    self._ask(number, following)
            for number, worker in self._all():
                if worker.is_late:
                    yield self._lost(number, "it did not come back from its turn, and was killed")
                    self._ask(number, following)
            if not ready:
                yield None

    def _heard(self, number: int) -> Brought | Found | Met | Lost:
        worker = self._at(number)
        try:
            told: Brought | Found | Met = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(PATIENCE_SECONDS)
            return self._lost(number, f"its process ended, exit code {worker.process.exitcode}")
        if isinstance(told, Brought):
            worker.turn = None
        return told

    def _ask(self, number: int, following: Next) -> None:
        worker, turn = self._at(number), following(number)
        worker.turn = turn
        if turn is not None:
            worker.began = time.monotonic()
            worker.connection.send(turn)

    def _lost(self, number: int, why: str) -> Lost:
        worker = self._at(number)
        assert worker.turn is not None
        _end(worker)
        self._workers[number] = self._started(number)
        return Lost(worker.turn, why)

    def _at(self, number: int) -> _Worker:
        worker = self._workers[number]
        assert worker is not None
        return worker

    def _all(self) -> list[tuple[int, _Worker]]:
        return [(number, self._at(number)) for number in self._workers]

    def _started(self, number: int) -> _Worker:
        spawn = multiprocessing.get_context("spawn")  # a fork has only half of what threads do
        ours, theirs = spawn.Pipe()
        boards, temporary = self._boards / str(number), self._temporary / str(number)
        for directory in (boards, temporary):
            directory.mkdir(parents=True, exist_ok=True)
        process = spawn.Process(target=work, args=(theirs, str(boards), str(temporary)))
        with _held_back():  # until it leads a session of its own an interrupt would reach it
            process.start()
        theirs.close()
        return _Worker(process, ours)


def _ask_to_end(worker: _Worker) -> None:
    """It ends its turn if it is amid one, finds that nobody asks any more, and closes its gates."""
    if worker.turn is not None and worker.process.is_alive() and worker.process.pid is not None:
        os.kill(worker.process.pid, signal.SIGTERM)
    worker.connection.close()


def _end(worker: _Worker) -> None:
    """Kill it, and whatever it started that is of its session; reap it."""
    worker.connection.close()
    pid = worker.process.pid
    if worker.process.is_alive() and pid is not None:
        _kill(pid)
    worker.process.join()
    worker.process.close()


def _kill(pid: int) -> None:
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def _held_back() -> Iterator[None]:
    """An interrupt from the keyboard comes after this block, and to no process started in it."""
    interrupts = {signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, interrupts)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
