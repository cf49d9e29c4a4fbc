"""Counterexamples as the page shows them: each is run once more, and filmed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from proofs.harness.counterexample import Counterexample, load
from proofs.harness.crash_conviction import picture_of_crash
from proofs.harness.execution import Execution
from proofs.harness.film import Film
from proofs.harness.filmed_run import run_filmed
from proofs.harness.gates import GateName, Gates
from proofs.harness.interception import interception
from proofs.harness.invariants import INVARIANTS
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import diverged, replay
from proofs.harness.trace import preemptions
from proofs.report.json_text import json_text
from proofs.report.timeline import timeline
from proofs.restarts import restarted
from strategies.scenarios import Scenario

BYTES_MAX: Final = 4_000_000
"""So much of a page is taken by what was played; it is to stay below five megabytes."""

SECONDS_MAX: Final = 60.0
"""For so long runs are played; a board that hangs must not keep a session from its end."""

BoardOf = Callable[[Counterexample, Path], ProvenBoard]
"""The board that a counterexample was replayed on, once its file is known to be one of ours."""


def played(
    files: Iterable[tuple[Path, str]], board_of: BoardOf, root: Path
) -> Iterator[dict[str, Any]]:
    """Each of these counterexamples as JSON; what could not be played says why. Raises nothing."""
    bytes_left, ends_at = BYTES_MAX, time.monotonic() + SECONDS_MAX
    for path, verdict in files:
        why = None
        if bytes_left <= 0:
            why = "the page has grown too large"
        elif time.monotonic() > ends_at:
            why = f"the others took {SECONDS_MAX:g} seconds"
        told = _told(path, verdict, board_of, root, why)
        bytes_left -= len(json_text(told))
        if bytes_left < 0 and told.get("timeline"):
            told = _told(path, verdict, board_of, root, "the page has grown too large")
        yield told


def _told(
    path: Path, verdict: str, board_of: BoardOf, root: Path, why: str | None
) -> dict[str, Any]:
    """One of them; ``why`` says why it is not played, if it is not to be."""
    told: dict[str, Any] = {
        "file": path.name,
        "replay": f"pytest {_seen_from_here(path)}",
        "verdict": verdict,
    }
    try:
        counterexample = load(path)
        told |= _written_down(counterexample)
        if why is None:
            board = board_of(counterexample, path)
            told |= _run(counterexample, board, root, is_violated=verdict == "violated")
    except Exception as error:  # whatever is wrong with one, the report of the others is written
        why = f"{type(error).__name__}: {error}"
    return told | ({} if why is None else {"unplayed": why})


def _seen_from_here(path: Path) -> Path:
    """Relative, where it lies below the directory in which the proofs were started."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _written_down(found: Counterexample) -> dict[str, Any]:
    """What its file says."""
    return {
        "board": found.board,
        "invariant": found.invariant,
        "promise": INVARIANTS[found.invariant],
        "violation": found.violation,
        "expect": found.expect,
        "gates": list(found.gates),
        "faults": [str(fault) for fault in found.scenario.faults],
        "outcomes": list(found.outcomes),
    }


def _run(
    found: Counterexample, board: ProvenBoard, root: Path, *, is_violated: bool
) -> dict[str, Any]:
    """What a run of it does; a neighbouring one where only that one violates now."""
    gate: GateName = "processes" if found.gates[:1] == ("processes",) else "threads"
    execution, film = _filmed(found.scenario, board, gate, root)
    divergence, ended = _divergence(found, execution), None
    if found.scenario.crashes or (divergence and is_violated):
        with Gates(board, root) as gates:
            again = replay(found, gates, gate, restarted)
        ended = again.ended
        if again.execution.scenario != found.scenario and ended is None:
            execution, film = _filmed(again.execution.scenario, board, gate, root)
    return {
        "played_on": board.text,
        "gate": gate,
        "preemptions": preemptions(execution.trace),
        "picture": picture(execution) if ended is None else picture_of_crash(ended),
        "diverged": divergence,
        "timeline": timeline(execution, film, ended),
    }


def _filmed(
    scenario: Scenario, board: ProvenBoard, gate: GateName, root: Path
) -> tuple[Execution, Film]:
    with interception():
        return run_filmed(scenario, board, gate, root)


def _divergence(found: Counterexample, execution: Execution) -> str | None:
    """Where the run went another way; where all ends by a crash the file's trace goes beyond."""
    if found.scenario.crashes:
        return None
    divergence = diverged(found.trace, execution)
    return None if divergence is None else str(divergence)
