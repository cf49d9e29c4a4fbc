"""A run at either gate that is filmed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from proofs.harness.adapter import Board
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Execution, Ran, run, run_in_threads
from proofs.harness.film import BEFORE_ALL, Camera, Film
from proofs.harness.filmed_agent import FilmedAgent
from proofs.harness.gates import GateName
from proofs.harness.guard.watch import Watch
from proofs.harness.processes import ProcessGate
from proofs.harness.proven_board import ProvenBoard
from strategies.scenarios import Scenario


def run_filmed(
    scenario: Scenario, board: ProvenBoard, gate: GateName, root: Path
) -> tuple[Execution, Film]:
    """Run a scenario, with the trace that any run of it has, and the film of it.

    The doors must be open. The film begins when the tasks of the scenario have been posted.
    """
    path = root.with_name(f"{root.name}.film")
    path.unlink(missing_ok=True)
    try:
        if gate == "threads":
            execution = run(scenario, board.open, root, _Threads(path))
        else:
            with ProcessGate(board.text, path) as processes:
                execution = run(scenario, board.open, root, _Processes(path, processes))
        return execution, Film.read(path)
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Threads:
    """The agents are threads of this process."""

    film: Path

    def run(
        self, scenario: Scenario, board: Board, root: Path, time: SharedTime, watch: Watch | None
    ) -> Ran:
        Camera(root, self.film).take(BEFORE_ALL, time.now_ns)
        return run_in_threads(scenario, board, root, time, kind=partial(FilmedAgent, self.film))


@dataclass(frozen=True, slots=True)
class _Processes:
    """The agents are worker processes."""

    film: Path
    gate: ProcessGate

    def run(
        self, scenario: Scenario, board: Board, root: Path, time: SharedTime, watch: Watch | None
    ) -> Ran:
        Camera(root, self.film).take(BEFORE_ALL, time.now_ns)
        return self.gate.run(scenario, board, root, time)
