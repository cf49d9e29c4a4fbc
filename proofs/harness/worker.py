"""One interpreter in which an agent of a process gate runs: ``python -m proofs.harness.worker FD``.

Kept alive between executions; ends by itself once the other end of its socket is closed.
"""

from __future__ import annotations

import json
import pickle
import socket
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from proofs.harness.adapter import Board
from proofs.harness.agents import acting, nobody_acting
from proofs.harness.board_path import BoardPathError, load_board
from proofs.harness.clock import SharedTime
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.guarded_agent import GuardedAgent
from proofs.harness.guard.profiler import watching
from proofs.harness.interception import interception
from proofs.harness.recording import Record, Recorder
from proofs.harness.scheduler import Switches
from proofs.harness.scheduling import RunAbortedError, Scheduling
from proofs.harness.trace import Step
from proofs.harness.wire import (
    Connection,
    Ended,
    Go,
    HandedOver,
    PlainStep,
    Ready,
    Start,
    plain_steps,
)


class WorkerGate:
    """The part of a process gate that stands within a worker; the other workers are behind it."""

    def __init__(self, connection: Connection, root: Path) -> None:
        self.root = root
        self.trace: list[Step] = []
        self.scheduling = Scheduling((), Switches({}), SharedTime(0))  # until the first turn
        self._connection = connection

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Send the run to another worker and wait until it comes back."""
        try:
            self._connection.send(HandedOver(chosen, *self._turn()))
            self.wait(agent)
        except (EOFError, OSError):
            raise RunAbortedError from None  # the other end is dead; no board may catch that

    def wait(self, agent: GatedAgent) -> None:
        """Return once it is the turn of this agent."""
        message = self._connection.receive()
        assert isinstance(message, Go), message
        with nobody_acting():  # a scheduler's random numbers are none of an agent's
            self.scheduling = pickle.loads(message.scheduling)
        agent.clock.shared = self.scheduling.time
        agent.places.aliases = self.scheduling.aliases

    def end(self, agent: GatedAgent, record: Record, error: BaseException | None) -> None:
        """The agent is done: send the run and all that was recorded."""
        chosen = self.scheduling.end(agent.name, failed=error is not None)
        told = None if error is None else f"{type(error).__name__}: {error}"
        fields = asdict(record) | {"lacking": sorted(record.lacking)}
        self._connection.send(Ended(chosen, *self._turn(), json.dumps(fields), told))

    def _turn(self) -> tuple[bytes, list[PlainStep]]:
        steps = plain_steps(self.trace)
        self.trace.clear()
        return pickle.dumps(self.scheduling, pickle.HIGHEST_PROTOCOL), steps


class Worker:
    """Is one agent after the other, as it is told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._doors = ExitStack()
        self._loaded: tuple[str, Board] | None = None

    def serve(self) -> None:
        """Until the other end is closed, which raises ``EOFError`` or ``BrokenPipeError``."""
        with self._doors:
            while True:
                message = self._connection.receive()
                assert isinstance(message, Start), message
                self._be(message)

    def _be(self, start: Start) -> None:
        try:
            board = self._board(start.board)
        except BoardPathError as error:
            self._connection.send(Ready(str(error)))
            return
        gate = WorkerGate(self._connection, Path(start.root))
        kind = GuardedAgent if start.is_guarded else GatedAgent
        agent = kind(start.agent, gate, start.skew_ns, start.chance)
        recorder = Recorder(start.agent, start.program, board, gate.root)
        self._connection.send(Ready())
        gate.wait(agent)
        raised = None if gate.scheduling.is_over else _act(agent, recorder)
        gate.end(agent, recorder.record, raised)

    def _board(self, text: str) -> Board:
        """Imported before the doors open, so that they open in its module too."""
        if self._loaded is None or self._loaded[0] != text:
            self._doors.close()
            self._loaded = (text, load_board(text))
            self._doors.enter_context(interception())
        return self._loaded[1]


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


def main(descriptor: int) -> None:
    """Serve the socket that this process was born with."""
    connection = Connection(socket.socket(fileno=descriptor))
    try:
        Worker(connection).serve()
    except (EOFError, BrokenPipeError):
        pass  # nobody needs this worker any more


if __name__ == "__main__":
    main(int(sys.argv[1]))
