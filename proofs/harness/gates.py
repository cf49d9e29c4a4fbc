"""Both gates of one board, on one directory: the same scenario can be run at either."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from proofs.harness.execution import Execution, run
from proofs.harness.interception import interception
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.processes import ProcessGate
from proofs.harness.proven_board import ProvenBoard
from strategies.scenarios import Scenario

GateName = Literal["threads", "processes"]
GATES: Final[tuple[GateName, ...]] = ("threads", "processes")


class Gates:
    """To be entered with ``with``: the doors are open then, and no worker is left afterwards.

    ``root`` is made anew for each execution. Workers are started when they are first needed.
    """

    def __init__(self, board: ProvenBoard, root: Path) -> None:
        self.board = board
        self.root = root
        self._stack = ExitStack()
        self._processes: ProcessGate | None = None
        self._is_open = False

    def __enter__(self) -> Self:
        self._stack.enter_context(interception())
        self._is_open = True
        return self

    @property
    def is_open(self) -> bool:
        """Whether it was entered and not left."""
        return self._is_open

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._processes = None
        self._is_open = False
        self._stack.close()

    def run(self, scenario: Scenario, gate: GateName, *, guarded: bool = False) -> Execution:
        """Run a scenario; ``guarded`` looks for effects that go past the doors, and costs more."""
        at = self._process_gate() if gate == "processes" else None
        execution = run(scenario, self.board.open, self.root, at, guarded=guarded)
        return replace(execution, lacking=execution.lacking.union(self.board.lacking))

    def run_recorded(self, scenario: Scenario) -> Execution:
        """The same in threads, and with its ``changes`` of the directory."""
        execution, _ = run_recorded(scenario, self.board.open, self.root)
        return replace(execution, lacking=execution.lacking.union(self.board.lacking))

    def _process_gate(self) -> ProcessGate:
        if self._processes is None:
            self._processes = self._stack.enter_context(ProcessGate(self.board.text))
        return self._processes


def other(gate: GateName) -> GateName:
    """The other one of the two."""
    return "processes" if gate == "threads" else "threads"
