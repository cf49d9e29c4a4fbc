"""One interpreter in which an agent of a process gate runs: ``python -m proofs.harness.worker FD``.

Kept alive between executions; ends by itself once the other end of its socket is closed.
"""

from __future__ import annotations

import logging
import pickle
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from proofs.harness.adapter import Board
from proofs.harness.board_path import BoardPathError, load_board
from proofs.harness.clock import SharedTime
from proofs.harness.execution import scheduler_of
from proofs.harness.filmed_agent import FilmedAgent
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.guarded_agent import GuardedAgent
from proofs.harness.guard.watch import Watch
from proofs.harness.hanging import limits
from proofs.harness.interception import interception
from proofs.harness.lookout import Loading, Lookout
from proofs.harness.nemesis import Nemesis
from proofs.harness.recording import Recorder
from proofs.harness.scheduling import Scheduling
from proofs.harness.wire import (
    Connection,
    Failed,
    Ready,
    Run,
    Start,
)
from proofs.harness.worker_gate import WorkerGate


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
    # What a board logs would otherwise run over the terminal of whoever runs the proofs.
    logging.getLogger().addHandler(logging.NullHandler())
    lookout = Lookout(connection)
    lookout.begin()
    try:
        while True:
            message = connection.receive()
            assert isinstance(message, Start), message
            try:
                if not _be(message.agent, pickle.loads(message.run), connection, boards, lookout):
                    return
            except (EOFError, BrokenPipeError):
                raise
            except BaseException:
                connection.send(Failed(traceback.format_exc()))
                raise
    except (EOFError, BrokenPipeError):
        pass  # nobody needs this worker any more


def _be(name: str, run: Run, connection: Connection, boards: LoadedBoard, lookout: Lookout) -> bool:
    """Be one agent, from its import to its end; False where its board cannot be imported."""
    limits.hanging_seconds = run.hanging_seconds
    lookout.look_at(Loading(name))
    try:
        board = boards.load(run.board)
    except BoardPathError as error:
        connection.send(Ready(str(error)))
        return False
    finally:
        lookout.look_at(None)
    connection.send(Ready())
    agents = [agent for agent, _ in run.programs]
    time = SharedTime(0, run.clock.file_tick_ns)  # it is set with the first turn
    watch = Watch(run.root) if run.is_guarded else None
    nemesis = Nemesis.of(run.faults)
    scheduler = scheduler_of(run.interleaving)
    scheduling = Scheduling(agents, scheduler, time, watch=watch, nemesis=nemesis)
    gate = WorkerGate(connection, Path(run.root), scheduling)
    lookout.look_at(gate)
    agent = _kind(run)(name, gate, run.clock.skew_ns(name), run.chance)
    recorder = Recorder(name, dict(run.programs)[name], board, gate.root)
    gate.record_at_death = partial(recorder.killed, agent)
    raised = gate.run(agent, recorder)
    gate.end(recorder.ended(), raised)
    lookout.look_at(None)
    return True


def _kind(run: Run) -> Callable[[str, WorkerGate, int, int], GatedAgent]:
    if run.is_guarded:
        return GuardedAgent
    return GatedAgent if run.film is None else partial(FilmedAgent, Path(run.film))


if __name__ == "__main__":
    serve(Connection(socket.socket(fileno=int(sys.argv[1]))), LoadedBoard())
