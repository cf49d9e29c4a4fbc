"""One run of a scenario on a board: history, trace, and what is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.harness.adapter import Answer, Board, BoardAdapter, LacksOperationError
from proofs.harness.agents import acting
from proofs.harness.clock import SharedTime
from proofs.harness.effects import Effect
from proofs.harness.history import History, Operation
from proofs.harness.scheduler import PriorityChanges, RandomWalk, Scheduler, Switches
from proofs.harness.threads import StuckError, ThreadGate
from proofs.harness.trace import Step
from proofs.harness.turns import Turns
from strategies.interleavings import Interleaving
from strategies.programs import Ask, Program
from strategies.scenarios import START, Scenario


@dataclass(frozen=True, slots=True)
class Execution:
    """What a run of ``scenario`` did; equal scenarios give equal executions.

    ``stuck`` says who waited for what, if the run did not come to its end; ``lacking`` are the
    operations that the board does not have; ``final`` is what its own listing says afterwards,
    None if it has none; ``descriptors`` are those that the agents left open, by agent.
    """

    scenario: Scenario
    history: History
    trace: list[Step]
    stuck: str | None
    lacking: frozenset[str]
    final: list[dict[str, Any]] | None
    descriptors: dict[str, list[str]]


def run(scenario: Scenario, board: Board, root: Path) -> Execution:
    """Run a scenario in threads, on an empty directory at ``root``, which is made anew.

    The doors must be open (see ``interception``).
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    recorder = _Recorder(scenario, board, root)
    return recorder.run()


def scheduler_of(interleaving: Interleaving) -> Scheduler:
    """The scheduler that chooses so."""
    if interleaving.kind == "turns":
        return Turns(interleaving.turns)
    if interleaving.kind == "walk":
        return RandomWalk(interleaving.seed)
    if interleaving.kind == "pct":
        return PriorityChanges(interleaving.seed, interleaving.changes, interleaving.effects)
    return Switches(dict(interleaving.switches))


class _Recorder:
    """Runs the programs of one scenario and writes down what they were told."""

    def __init__(self, scenario: Scenario, board: Board, root: Path) -> None:
        self._scenario = scenario
        self._open = board
        self._root = root
        self._time = SharedTime(int(START * 1e9))
        self._operations: list[Operation] = []
        self._lacking: set[str] = set()
        self._descriptors: dict[str, list[str]] = {}
        self._trace: list[Step] = []

    def run(self) -> Execution:
        self._alone(self._post_all)
        gate = ThreadGate(self._root, scheduler_of(self._scenario.interleaving), self._time)
        self._trace = gate.trace
        stuck = None
        try:
            gate.run({name: self._program(name, asks) for name, asks in self._scenario.programs})
        except StuckError as error:
            stuck = str(error)
        final: list[dict[str, Any]] = []
        self._trace = []
        lists = self._alone(lambda: final.extend(self._final() or []))
        return Execution(
            self._scenario,
            History([task.to_json() for task in self._scenario.tasks], self._operations),
            gate.trace,
            stuck,
            frozenset(self._lacking),
            final if lists else None,
            self._descriptors,
        )

    def _alone(self, program: Callable[[], None]) -> bool:
        """Run a program as the only agent; False if the board lacks what it needs."""
        lacks = False

        def guarded() -> None:
            nonlocal lacks
            try:
                program()
            except LacksOperationError:
                lacks = True

        ThreadGate(self._root, Switches({}), self._time).run({"alone": guarded})
        return not lacks

    def _post_all(self) -> None:
        adapter = BoardAdapter(self._open(str(self._root)), "alone")
        for task in self._scenario.tasks:
            adapter.post(task)

    def _final(self) -> list[dict[str, Any]] | None:
        adapter = BoardAdapter(self._open(str(self._root)), "alone")
        listed: list[dict[str, Any]] | None = adapter.call(Ask("list_all"), {}).value
        return listed

    def _program(self, name: str, asks: Program) -> Callable[[], None]:
        def program() -> None:
            adapter = BoardAdapter(self._open(str(self._root)), name)
            for ask in asks:
                arguments = adapter.arguments(ask)
                if arguments is not None:
                    self._ask(name, adapter, ask, arguments)
            agent = acting.agent
            assert agent is not None
            self._descriptors[name] = sorted(agent.places.open_descriptors().values())

        return program

    def _ask(self, name: str, adapter: BoardAdapter, ask: Ask, arguments: dict[str, Any]) -> None:
        agent = acting.agent
        assert agent is not None
        # An effect of its own, so that the trace alone tells when a call began.
        agent.perform(Effect("call", (), ask.name), lambda: None)
        invoked_at, started = len(self._trace) - 1, agent.clock.time_ns() / 1e9
        error = None
        try:
            if ask.name == "advance":
                self._time.advance(int(ask.seconds * 1e9))
                answer = Answer(True)
            else:
                answer = adapter.call(ask, arguments)
        except LacksOperationError:
            self._lacking.add(ask.name)
            return
        except Exception as raised:
            answer, error = Answer(False), f"{type(raised).__name__}: {raised}"
        outcome = "ok" if answer.done else "unknown" if error else "refused"
        self._operations.append(
            Operation(
                name,
                ask.name,
                arguments,
                invoked_at,
                len(self._trace),
                started,
                agent.clock.time_ns() / 1e9,
                outcome,  # type: ignore[arg-type]
                answer.value,
                error,
            )
        )
