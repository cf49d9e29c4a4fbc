"""A run whose changes of the directory are written down, with the data."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from proofs.harness.adapter import Board
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Execution, Ran, run, run_in_threads
from proofs.harness.guard.watch import Watch
from proofs.harness.persistence.changes import ChangeLog
from proofs.harness.persistence.recorded_agent import DirectoryRecorder, RecordedAgent
from strategies.scenarios import Scenario


def run_recorded(scenario: Scenario, board: Board, root: Path) -> tuple[Execution, ChangeLog]:
    """As ``run`` in threads, with the same trace, and its ``changes``, which are given as well.

    The log begins when the tasks of the scenario have been posted: these are on the disk.
    """
    gate = _RecordingThreads()
    execution = run(scenario, board, root, gate)
    return replace(execution, changes=gate.log), gate.log


class _RecordingThreads:
    """The agents are threads of this process, and write down what they do."""

    log: ChangeLog

    def run(
        self,
        scenario: Scenario,
        board: Board,
        root: Path,
        time: SharedTime,
        watch: Watch | None,
    ) -> Ran:
        recorder = DirectoryRecorder(root)
        self.log = recorder.log
        return run_in_threads(scenario, board, root, time, kind=partial(RecordedAgent, recorder))
