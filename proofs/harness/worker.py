"""One interpreter in which an agent of a process gate runs: ``python -m proofs.harness.worker FD``.

Kept alive between executions; ends by itself once the other end of its socket is closed.
"""

from __future__ import annotations

import pickle
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from proofs.harness.adapter import Board
from proofs.harness.agents import acting
from proofs.harness.board_path import BoardPathError, load_board
from proofs.harness.clock import SharedTime
from proofs.harness.execution import scheduler_of
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.guarded_agent import GuardedAgent
from proofs.harness.guard.profiler import watching
from proofs.harness.guard.watch import Watch
from proofs.harness.interception import interception
from proofs.harness.recording import Record, Recorder
from proofs.harness.scheduling import RunAbortedError, Scheduling
from proofs.harness.trace import Step
from proofs.harness.wire import (
    Connection,
    Ended,
    Go,
    HandedOver,
    PlainStep,
    Ready,
    Run,
    Start,
    plain_record,
    plain_steps,
)


class WorkerGate:
    """The part of a process gate that stands within a worker; the other workers are behind it."""

    def __init__(self, connection: Connection, run: Run) -> None:
        self.root = Path(run.root)
        self.trace: list[Step] = []
        agents = [name for name, _ in run.programs]
        time = SharedTime(0, run.clock.file_tick_ns)  # it is set with the first turn
        watch = Watch(run.root) if run.is_guarded else None
        self.scheduling = Scheduling(agents, scheduler_of(run.interleaving), time, watch=watch)
        self._connection = connection

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Send the run to another worker and wait until it comes back."""
        try:
            self._connection.send(HandedOver(chosen, *self._turn()))
            self.wait()
        except (EOFError, OSError):
            raise RunAbortedError from None  # the other end is dead; no board may catch that

    def wait(self) -> None:
        """Return once it is the turn of this worker's agent."""
        message = self._connection.receive()
        assert isinstance(message, Go), message
        self.scheduling.restore(message.state)

    def end(self, agent: GatedAgent, record: Record, error: BaseException | None) -> None:
        """The agent is done: send the run and all that was recorded."""
        chosen = self.scheduling.end(agent.name, failed=error is not None)
        told = None if error is None else f"{type(error).__name__}: {error}"
        self._connection.send(Ended(chosen, *self._turn(), plain_record(record), told))

    def _turn(self) -> tuple[tuple[Any, ...], list[PlainStep]]:
        steps = plain_steps(self.trace)
        self.trace.clear()
        return self.scheduling.state(), steps


class LoadedBoard:
    """The board that is named in text, and the doors that are open for it."""

    def __init__(self) -> None:
        self._doors = ExitStack()
        self._text = ""
        self._board: Board | None = None

    def load(self, text: str) -> Board:
        """Imported before the doors open, so that they open in its module too.

        Raises ``BoardPathError``. The doors stay open as long as the interpreter lives.
        """
        if self._board is None or self._text != text:
            self._doors.close()
            self._text, self._board = text, load_board(text)
            self._doors.enter_context(interception())
        return self._board


def serve(connection: Connection, boards: LoadedBoard) -> None:
    """Be one agent after the other, as told, until nobody is at the other end any more."""
    try:
        while True:
            message = connection.receive()
            assert isinstance(message, Start), message
            _be(message.agent, pickle.loads(message.run), connection, boards)
    except (EOFError, BrokenPipeError):
        pass  # nobody needs this worker any more


def _be(name: str, run: Run, connection: Connection, boards: LoadedBoard) -> None:
    try:
        board = boards.load(run.board)
    except BoardPathError as error:
        connection.send(Ready(str(error)))
        return
    connection.send(Ready())
    gate = WorkerGate(connection, run)
    kind = GuardedAgent if run.is_guarded else GatedAgent
    agent = kind(name, gate, run.clock.skew_ns(name), run.chance)
    recorder = Recorder(name, dict(run.programs)[name], board, gate.root)
    gate.wait()
    raised = None if gate.scheduling.is_over else _act(agent, recorder)
    gate.end(agent, recorder.record, raised)


def _act(agent: GatedAgent, program: Recorder) -> BaseException | None:
    """Run the program; what it raised and should not have."""
    acting.agent = agent
    try:
        with watching(agent):
            program()
    except RunAbortedError:
        return None
    except BaseException as error:
        return error
    finally:
        acting.agent = None
    return None


if __name__ == "__main__":
    serve(Connection(socket.socket(fileno=int(sys.argv[1]))), LoadedBoard())
