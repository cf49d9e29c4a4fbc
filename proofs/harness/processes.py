"""A gate for agents that are processes: real interpreters, one of which runs at a time."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from proofs.harness.adapter import Board
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Ran, scheduler_of
from proofs.harness.guard.watch import Watch, unseen_by
from proofs.harness.history import Operation
from proofs.harness.recording import Record
from proofs.harness.scheduling import Scheduling
from proofs.harness.wire import Connection, Ended, Go, HandedOver, Message, Ready, Start, steps_of
from strategies.scenarios import Scenario

ANSWER_SECONDS_MAX = 60.0
"""How long a worker may be silent: it is at work outside all doors, or waits where none is."""


class WorkerError(Exception):
    """A worker died, fell silent, cannot open the board, or its program raised."""


class ProcessGate:
    """Runs the agents of scenarios in worker processes, which are kept for the next scenario.

    ``board`` is named as text (see ``load_board``), for the workers open it themselves. The state
    of the run travels with the right to run, so a worker decides in place as long as it goes on.
    To be closed, or used in ``with``; at the latest the workers end with this process.
    """

    def __init__(self, board: str) -> None:
        self._board = board
        self._workers: list[_Worker] = []
        self._reaper = weakref.finalize(self, _end_all, self._workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers and wait for them; a later run starts new ones."""
        _end_all(self._workers)

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that are kept."""
        return [worker.process.pid for worker in self._workers]

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None = None,
    ) -> Ran:
        """Run the programs on what is at ``root``. Raises ``WorkerError``.

        ``board`` must be what the workers know by its name; it is not used.
        """
        try:
            return self._run(scenario, root, time, watch)
        except BaseException:
            self.close()  # they stand somewhere amid a run
            raise

    def _run(self, scenario: Scenario, root: Path, time: SharedTime, watch: Watch | None) -> Ran:
        workers = self._started(scenario, root, is_guarded=watch is not None)
        scheduling = Scheduling(workers, scheduler_of(scenario.interleaving), time, watch=watch)
        ran = Ran([], {name: Record() for name in workers}, None)
        chosen: str | None = scheduling.first()
        state = pickle.dumps(scheduling, pickle.HIGHEST_PROTOCOL)
        errors = []
        while chosen is not None:
            agent = chosen
            workers[agent].send(Go(state))
            message = workers[agent].receive()
            assert isinstance(message, HandedOver | Ended), message
            ran.trace.extend(steps_of(agent, message.steps))
            chosen, state = message.chosen, message.scheduling
            if isinstance(message, Ended):
                ran.records[agent] = _record(message.record)
                errors += [f"{agent} raised {message.error}"] if message.error else []
        if errors:
            raise WorkerError("; ".join(errors))
        scheduling = pickle.loads(state)
        time.now_ns, ran.stuck = scheduling.time.now_ns, scheduling.stuck
        ran.unseen = unseen_by(scheduling.watch)
        return ran

    def _started(self, scenario: Scenario, root: Path, *, is_guarded: bool) -> dict[str, _Worker]:
        """A worker for each agent, ready at the gate; those that died meanwhile are replaced."""
        while len(self._workers) < len(scenario.programs):
            self._workers.append(_Worker())
        clock, chance = scenario.clock, scenario.chance
        starts = [
            Start(self._board, str(root), name, asks, clock.skew_ns(name), chance, is_guarded)
            for name, asks in sorted(scenario.programs)
        ]
        are_there = [self._workers[n].tell(start) for n, start in enumerate(starts)]
        for number, start in enumerate(starts):
            answer = self._workers[number].answer() if are_there[number] else None
            if answer is None:
                self._workers[number].end()
                self._workers[number] = _Worker()
                self._workers[number].send(start)
                answer = self._workers[number].receive()
            assert isinstance(answer, Ready), answer
            if answer.error is not None:
                raise WorkerError(answer.error)
        return {start.agent: self._workers[number] for number, start in enumerate(starts)}


class _Worker:
    """A worker process, and this end of its socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proofs.harness.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                process_group=0,  # an interrupt from the keyboard is for this process alone
            )
        ours.settimeout(ANSWER_SECONDS_MAX)
        self._connection = Connection(ours)

    def send(self, message: Message) -> None:
        """Raises ``WorkerError`` if it is dead."""
        if not self.tell(message):
            raise WorkerError(f"worker {self.process.pid} must live, got {self._ending()}")

    def receive(self) -> Message:
        """Raises ``WorkerError`` if it dies or is silent."""
        message = self.answer()
        if message is None:
            raise WorkerError(f"worker {self.process.pid} must answer, got {self._ending()}")
        return message

    def tell(self, message: Message) -> bool:
        """Send; False if it is dead."""
        try:
            self._connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self) -> Message | None:
        """What it says; None if it is dead."""
        try:
            return self._connection.receive()
        except EOFError:
            return None
        except TimeoutError:
            raise WorkerError(
                f"worker {self.process.pid} must answer within {ANSWER_SECONDS_MAX:g} s"
            ) from None

    def end(self) -> None:
        """Nothing is left of it afterwards."""
        self._connection.close()
        self.process.kill()
        self.process.wait()

    def _ending(self) -> str:
        return f"exit code {self.process.wait(ANSWER_SECONDS_MAX)}"


def _end_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().end()


def _environment() -> dict[str, str]:
    """As here, and what can be imported here can be imported there, in the same order of sets."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def _record(text: str) -> Record:
    fields = json.loads(text)
    operations = [Operation(**operation) for operation in fields["operations"]]
    return Record(operations, set(fields["lacking"]), fields["descriptors"])
