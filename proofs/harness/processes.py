"""A gate for agents that are processes: real interpreters, one of which runs at a time."""

from __future__ import annotations

import pickle
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proofs.harness.adapter import Board
from proofs.harness.answers import UnfitBoardError
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Ran, scheduler_of
from proofs.harness.guard.watch import Watch
from proofs.harness.hanging import EndedProcessError, HangingError, limits
from proofs.harness.nemesis import Nemesis
from proofs.harness.scheduling import Scheduling, agent_of
from proofs.harness.supervision import supervised, waiting_for
from proofs.harness.wire import (
    Ended,
    Failed,
    Go,
    HandedOver,
    Hangs,
    Killed,
    Message,
    Ready,
    Run,
    Start,
    record_of,
    steps_of,
)
from proofs.harness.workers import ANSWER_SECONDS_MAX, Worker, WorkerError, Workers
from strategies.scenarios import Scenario

__all__ = ["ANSWER_SECONDS_MAX", "ProcessGate", "WorkerError"]


class ProcessGate:
    """Runs the agents of scenarios in worker processes, which are kept for the next scenario.

    ``board`` is named as text (see ``load_board``), for the workers open it themselves; it may be
    another for the next run. ``film`` is where a film of each run is written that is not guarded.
    The state of the run travels with the right to run, so a worker decides in place as long as it
    goes on; here is always the state that was handed over last. To be closed, or used in ``with``;
    at the latest the workers end with this process.
    """

    def __init__(self, board: str, film: Path | None = None) -> None:
        self.board = board
        self._film = film
        self._workers = Workers(board)
        self._reaper = weakref.finalize(self, self._workers.end)

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
        self._workers.end()

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that are kept."""
        return self._workers.pids

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None = None,
    ) -> Ran:
        """Run the programs on what is at ``root``.

        Raises ``WorkerError``, ``HangingError`` and ``EndedProcessError``.

        ``board`` must be what the workers know by its name; it is not used.
        """
        told = Run(
            self.board,
            str(root),
            scenario.programs,
            scenario.interleaving,
            scenario.clock,
            scenario.chance,
            scenario.faults,
            is_guarded=watch is not None,
            hanging_seconds=limits.hanging_seconds,
            film=None if self._film is None else str(self._film),
        )
        try:
            return supervised(lambda: self._run(told, time, watch))
        except BaseException:
            self._workers.end_all_at_work()  # they stand somewhere amid a run
            raise

    def look(self) -> BaseException | None:
        """Workers notice themselves when their agents hang."""
        return None

    def give_up(self) -> None:
        """All workers end, and that ends the run."""
        self._workers.kill_all_at_work()

    def _run(self, told: Run, time: SharedTime, watch: Watch | None) -> Ran:
        with waiting_for(self):
            return _Running(told, self._workers, time, watch).run()


class _Running:
    """One run, as the process sees it that passes it on from worker to worker."""

    def __init__(self, told: Run, workers: Workers, time: SharedTime, watch: Watch | None) -> None:
        agents = sorted(name for name, _ in told.programs)
        self._told = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
        self._workers = workers
        self._seats = {name: seat for seat, name in enumerate(agents)}
        nemesis, scheduler = Nemesis.of(told.faults), scheduler_of(told.interleaving)
        self._scheduling = Scheduling(agents, scheduler, time, watch=watch, nemesis=nemesis)
        self._ran = Ran([], {}, None)
        self._errors: dict[str, str] = {}
        self._ready: set[str] = set()

    def run(self) -> Ran:
        """From the first turn to the last."""
        chosen: str | None = self._scheduling.first()
        state = self._scheduling.state()
        for agent, seat in self._seats.items():
            turn = (Go(agent, state),) if agent == chosen else ()
            self._workers.at(seat).tell(Start(agent, self._told), *turn)
        while chosen is not None:
            chosen, state = self._turn(chosen, state)
        self._raise_errors()
        self._scheduling.restore(state)
        self._ran.stuck, self._ran.left = self._scheduling.stuck, self._scheduling.left
        self._ran.unseen = self._scheduling.unseen
        return self._ran

    def _turn(self, chosen: str, state: tuple[Any, ...]) -> tuple[str | None, tuple[Any, ...]]:
        """Let an agent, or a part of it, have its turn; who goes on after it, in which state."""
        agent = agent_of(chosen)
        worker = self._workers.at(self._seats[agent])
        if agent in self._ready:
            worker.send(Go(chosen, state))
        else:
            worker = self._started(agent, worker, state)
        message = self._heard(chosen, worker)
        assert isinstance(message, HandedOver | Ended | Killed), message
        self._ran.trace.extend(steps_of(message.steps))
        if not isinstance(message, HandedOver):
            self._ran.records[agent] = record_of(message.record)
        if isinstance(message, Killed):
            self._workers.bury(self._seats[agent])  # only then are its locks free
        elif isinstance(message, Ended) and message.error is not None:
            self._errors[agent] = message.error
        return message.chosen, message.state

    def _heard(self, chosen: str, worker: Worker) -> Message:
        """What a worker says at the end of a turn. Raises ``UnknownError`` if it does not."""
        message = self._answer(chosen, worker)
        if message is None:
            steps = [step for step in self._ran.trace if step.agent == chosen]
            after = f", after {steps[-1].effect.label()}" if steps else ""
            told = f"the process of {agent_of(chosen)} ended amid its turn, by {worker.ending()}"
            raise EndedProcessError(f"{told}{after}: nobody knows what it was about to do")
        return message

    def _answer(self, chosen: str, worker: Worker) -> Message | None:
        """What a worker says, None if it is dead. Raises what it says of its own failure."""
        message = worker.answer()
        if isinstance(message, Hangs):
            raise HangingError(message.words)
        if isinstance(message, Failed):
            told = f"the worker of {agent_of(chosen)} failed, in its process:\n{message.trace}"
            raise WorkerError(told.rstrip())
        return message

    def _raise_errors(self) -> None:
        """What a program raised is our own fault, but where it says that the board is unfit."""
        for error in self._errors.values():
            kind, _, words = error.partition(": ")
            if kind == UnfitBoardError.__name__:
                raise UnfitBoardError(words)
        if self._errors:
            told = (f"{agent} raised {error}" for agent, error in self._errors.items())
            raise WorkerError("; ".join(told))

    def _started(self, agent: str, worker: Worker, state: tuple[Any, ...]) -> Worker:
        """A worker that stands at the gate and was told to go on; a dead one is replaced.

        It was told of the run when that began, and answers now; who began was told to go on, too.
        """
        answer = self._answer(agent, worker)
        if answer is None:
            worker = self._workers.replace(self._seats[agent])
            worker.send(Start(agent, self._told), Go(agent, state))
            answer = self._heard(agent, worker)
        elif len(self._ready):
            worker.send(Go(agent, state))
        assert isinstance(answer, Ready), answer
        if answer.error is not None:
            raise WorkerError(answer.error)
        self._ready.add(agent)
        return worker
