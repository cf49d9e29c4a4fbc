"""One scenario run on one board, and whether a promise breaks: what an exported test calls."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from proofs.harness.counterexample import Counterexample
from proofs.harness.crash_replay import run_to_the_crash
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import Replay, replay
from proofs.harness.turns import pattern_of
from proofs.harness.verdict import UnknownError
from proofs.restarts import restarted
from strategies.scenarios import Scenario


def broken_promise(
    board: str,
    scenario: Scenario,
    invariant: str,
    root: Path,
    *,
    gate: Literal["threads", "processes"] = "threads",
) -> str | None:
    """How the promise breaks, in words; None where it holds in this run.

    ``board`` is ``MODULE:CALLABLE``, or ``path/to/file.py:CALLABLE`` from the working directory;
    ``root`` is a directory that is made anew. Raises ``UnknownError`` where that could not be
    judged, and ``NotApplicableError`` where the scenario or the promise does not fit.
    """
    with Gates(ProvenBoard.named(board), root) as gates:
        found = _run_twice(gates, board, scenario, invariant, gate)
    if found.verdict is not None:
        return found.verdict.words
    if found.unjudged is not None:
        raise UnknownError(f"{invariant} could not be judged: {found.unjudged}")
    return None


def _run_twice(
    gates: Gates,
    board: str,
    scenario: Scenario,
    invariant: str,
    gate: Literal["threads", "processes"],
) -> Replay:
    """What runs in two ways shows nothing, and raises ``NondeterminismError``."""
    if scenario.crashes:
        trace = run_to_the_crash(scenario, gates, restarted).lines
    else:
        trace = tuple(pattern_of(step.label()) for step in gates.run(scenario, gate).trace)
    as_it_is_now = Counterexample(board, invariant, "", (gate,), scenario, (), trace)
    return replay(as_it_is_now, gates, gate, restarted)
