"""What one agent asked of its board and was told, written down as it happens; in every gate."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from proofs.harness.adapter import Answer, Board, BoardAdapter, LacksOperationError
from proofs.harness.agents import acting
from proofs.harness.answers import UnfitBoardError
from proofs.harness.effects import Effect
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.history import KILLED, Operation, words_of_error
from proofs.harness.places import Places
from proofs.harness.record import Record
from strategies.programs import Ask, Program


class Recorder:
    """An agent's program that can be run at a gate; ``record`` grows meanwhile."""

    def __init__(self, name: str, program: Program, board: Board, root: Path) -> None:
        self.record = Record()
        self._name = name
        self._program = program
        self._open = board
        self._root = root
        self._places: Places | None = None  # once the program has come to its end
        self._under_way: tuple[str, dict[str, Any], int, float] | None = None

    def __call__(self) -> None:
        """Ask everything; called by the agent, at its gate."""
        agent = acting.agent
        assert isinstance(agent, GatedAgent)
        adapter = self._opened(agent)
        if adapter is None:
            return
        for ask in self._program:
            arguments = adapter.arguments(ask)
            if arguments is not None:
                self._ask(agent, adapter, ask, arguments)
        self._places = agent.places

    def killed(self, agent: GatedAgent) -> Record:
        """The whole record of an agent that is killed now; of a call under way nobody knows."""
        if self._under_way is not None:
            self.record.operations.append(self._unknown(agent, *self._under_way, KILLED))
        return self.record

    def ended(self) -> Record:
        """The whole record, once the agent is done, and all threads that it started."""
        if self._places is not None:
            self.record.descriptors = sorted(self._places.open_descriptors().values())
        return self.record

    def _opened(self, agent: GatedAgent) -> BoardAdapter | None:
        """The agent's hold on the board; None where opening it raised, which is recorded."""
        begun, started = agent.gate.scheduling.effects, agent.clock.time_ns() / 1e9
        try:
            return BoardAdapter(self._open(str(self._root)), self._name)
        except BaseException as raised:
            if not _is_outcome(agent, raised):
                raise
            error = words_of_error(raised, self._root)
        opening = self._unknown(agent, "open", {}, begun, started, error)
        self.record.operations.append(opening)
        return None

    def _unknown(
        self,
        agent: GatedAgent,
        name: str,
        arguments: dict[str, Any],
        begun: int,
        started: float,
        error: str,
    ) -> Operation:
        """A call that ends now, and did nobody knows what."""
        ended = (agent.gate.scheduling.effects, started, agent.clock.time_ns() / 1e9)
        return Operation(self._name, name, arguments, begun, *ended, "unknown", None, error)

    def _ask(
        self, agent: GatedAgent, adapter: BoardAdapter, ask: Ask, arguments: dict[str, Any]
    ) -> None:
        # An effect of its own, so that the trace alone tells when a call began.
        agent.perform(Effect("call", (), ask.name), _nothing)
        invoked_at, started = agent.gate.scheduling.effects - 1, agent.clock.time_ns() / 1e9
        self._under_way = (ask.name, arguments, invoked_at, started)
        error = None
        try:
            answer = _answer(agent, adapter, ask, arguments)
        except LacksOperationError as lacks:
            self.record.lacking.add(str(lacks))
            return
        except UnfitBoardError:
            raise
        except BaseException as raised:
            if not _is_outcome(agent, raised):
                raise
            answer, error = Answer(False), agent.places.alias(words_of_error(raised, self._root))
        finally:
            self._under_way = None
        operation = Operation(
            self._name,
            ask.name,
            arguments,
            invoked_at,
            agent.gate.scheduling.effects,
            started,
            agent.clock.time_ns() / 1e9,
            "ok" if answer.done else "unknown" if error else "refused",
            _plain(answer.value),
            error,
        )
        self.record.operations.append(operation)


def by_invocation(records: Iterable[Record]) -> list[Operation]:
    """The operations of all agents in the order in which they were begun."""
    operations = [operation for record in records for operation in record.operations]
    return sorted(operations, key=lambda operation: operation.invoked_at)


def _is_outcome(agent: GatedAgent, raised: BaseException) -> bool:
    """Whether it is what a call came to, and the agent goes on with its program.

    A board that exits raises like any other; a child that a board forked is meant to exit so.
    """
    nemesis = agent.gate.scheduling.nemesis
    if isinstance(raised, SystemExit) and not agent.is_child:
        return True
    return isinstance(raised, Exception) or (nemesis is not None and nemesis.interrupts(raised))


def _nothing() -> None:
    """What beginning a call does to the world."""


def _answer(
    agent: GatedAgent, adapter: BoardAdapter, ask: Ask, arguments: dict[str, Any]
) -> Answer:
    if ask.name == "advance":
        agent.clock.shared.advance(int(ask.seconds * 1e9))
        return Answer(True)
    return adapter.call(ask, arguments)


def _plain(value: Any) -> Any:
    """What a board told, as JSON would tell it, so that every gate tells the same."""
    return value if value is None else json.loads(json.dumps(value, default=str))
