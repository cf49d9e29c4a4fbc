"""What a benchmark does in an interpreter of its own: open a board once, or drain one with others.

Prints one line of JSON. ``board.py`` starts it; it is of no use by hand.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from proofs.benchmarks.boards import RESULT, Durability, Kind, opener


@dataclass(frozen=True, slots=True)
class Opened:
    """A board opened and one task claimed; the time begins after all imports."""

    seconds: float
    grown_bytes: int | None
    """By how much the peak of resident memory rose; None where the system does not tell."""


@dataclass(frozen=True, slots=True)
class Drained:
    """The tasks that one worker claimed and completed, and when it was done."""

    task_ids: list[str]
    ended: float
    """By ``time.monotonic``, one clock for all processes of a machine."""


def open_and_claim(kind: Kind, directory: Path, durability: Durability) -> Opened:
    """Open a board and claim one task. Raises RuntimeError where there is none."""
    opened = opener(kind)
    _reset_peak()
    peak_before = _peak_bytes()
    begun = time.perf_counter()
    board = opened(directory, durability=durability)
    task = board.claim_next("opener")
    seconds = time.perf_counter() - begun
    if task is None:
        raise RuntimeError(f"{kind} found no task in {directory}")
    peak = _peak_bytes()
    grown = None if peak is None or peak_before is None else peak - peak_before
    return Opened(seconds, grown)


def drain(
    kind: Kind, directory: Path, durability: Durability, agent_id: str, tasks_max: int
) -> Drained:
    """Say that the board is open, wait for the start signal, then claim and complete tasks."""
    board = opener(kind)(directory, durability=durability)
    print("ready", flush=True)
    task_ids: list[str] = []
    if sys.stdin.readline() == "":  # who started this one is gone
        tasks_max = 0
    while len(task_ids) < tasks_max and (task := board.claim_next(agent_id)) is not None:
        task_ids.append(task.task_id)
        board.complete(task.task_id, RESULT)
    return Drained(task_ids, time.monotonic())


def _reset_peak() -> None:
    """Imports may have needed more for a while than is in use now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # then a small rise may hide below that peak


def _peak_bytes() -> int | None:
    """Not ``ru_maxrss``: on Linux that begins with the peak of the process that started this."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("VmHWM:")]
    return int(found[0].split()[1]) * 1024 if found else None


def main(arguments: list[str]) -> None:
    """``open KIND DIRECTORY DURABILITY`` or ``drain`` with AGENT TASKS_MAX after these."""
    what, kind, directory, name, *more = arguments
    durability: Durability = "power" if name == "power" else "kill"
    figures: Opened | Drained
    if what == "open":
        figures = open_and_claim(Kind(kind), Path(directory), durability)
    else:
        figures = drain(Kind(kind), Path(directory), durability, more[0], int(more[1]))
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main(sys.argv[1:])
