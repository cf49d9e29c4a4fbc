"""Sessions as a report tells of them, for the proofs of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from proofs.harness.counterexample import Counterexample
from proofs.harness.effects import Effect
from proofs.harness.execution import Execution
from proofs.harness.history import History, Operation
from proofs.harness.matrix import Cell
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.trace import Step
from proofs.planted_bugs import KEPT
from proofs.report.session import Session, Skipped
from proofs.report.timeline import timeline
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario

EFFECTS_OF_A_CALL: Final = 10


def kept(board: str) -> Path:
    """The counterexample that is kept of a broken board."""
    [path] = KEPT.glob(f"{board}-*.json")
    return path


def board_of(counterexample: Counterexample, source: Path) -> ProvenBoard:
    """Whatever it names: all of these are ours."""
    return ProvenBoard.named(counterexample.board)


def session(*boards: str) -> Session:
    """One in which all kinds of things were concluded; these boards were convicted."""
    bound = {"executions": 40, "executions_contended": 30, "distinct_orders": 20}
    convicted, lacking = {"executions": 3}, {"S9": "the board has no complete"}
    more = {"operations": 90, "preemptions_max": 4, "agents_max": 2, "tasks_max": 1}
    conclusions = [
        *(_violated(board) for board in boards),
        replace(_holds("all hold", "40 executions"), bound=bound | more, invariants=("S1",)),
        replace(_holds("no lock", "in 3"), board="no_lock", extent="convicted", bound=convicted),
        _holds("a kill", "2 kills", Cell("kills", "post", "before open", "holds", 2)),
        _holds("errors", "1 error", Cell("errors", "write t", "ENOSPC", "unknown", 1, "raises")),
        _holds("power", "9 states", Cell("power loss", "post", "E", "holds", 9, "9 states")),
        replace(_holds("unseen", "effects went unseen: a1 mmap"), verdict="unknown"),
        replace(_holds("lacking", ""), verdict="not applicable", not_applicable=lacking),
    ]
    told = [asdict(conclusion) | {"seed": 7} for conclusion in conclusions]
    return Session(told, 12, ["proofs/test_x.py::test_y"], [Skipped("test_z", "no ext4 here")])


def session_of_a_night() -> Session:
    """One that found one bug five hundred times, and whose canary was not convicted."""
    finding = {
        "standing": "still",
        "name": "no_lock-S1-b753ff49.json",
        "path": "",
        "invariant": "S1",
        "words": "S1 violated by no_lock",
        "at_fault": "dependency",
        "count": 500,
        "why": "",
        "first_night": "2026-01-02",
        "first_commit": "c0ffee",
        "bug": "no_lock-S1-b753ff49.json",
    }
    reached = {"orders": 9, "pairs": 4, "pairs_in_both_orders": 3}
    counts = {"turns": 1, "executions": 7, "new_orders": 5, "new_pairs": 2, "violations": 500}
    canary = {"board": "b:Board", "invariant": "S1", "convicted": False, "seconds": None}
    night = {
        "night": "2026-02-03",
        "commit": "beef",
        "board": "a:Board",
        "verdict": "violated",
        "words": "violated",
        "budget_seconds": 60.0,
        "seconds": 61.5,
        "processes": 2,
        "seed": 7,
        "canary": {**canary, "executions": 3},
        "findings": [finding],
        "portfolio": [{"member": "polling", "gate": "threads", **counts, "seconds": 2.5}],
        "replayed": [],
        "not_applicable": {"damage": "it does not promise that"},
        "coverage": {**reached, "ordered_pairs": 8, "new_ordered_pairs": 1},
        "memory": {"bytes": 123_000_000, "processes": 7},
    }
    return replace(session(), night=night)


def _holds(name: str, words: str, *cells: Cell) -> Conclusion:
    return Conclusion(name, "TaskBoard", "threads", "holds", words, cells=cells)


def _violated(board: str) -> Conclusion:
    words = f"S1 violated by {board}\nFound in execution 1."
    found = (str(kept(board)),)
    return Conclusion("one", board, "threads", "violated", words, ("S1",), counterexamples=found)


@cache
def long_timeline() -> dict[str, Any]:
    """That of ten thousand operations of ten effects each."""
    return timeline(long_execution(10_000))


def long_execution(operations: int, agents: int = 4) -> Execution:
    """Agents that claim in turns, each stopped once amid its call."""
    names = [f"a{number + 1}" for number in range(agents)]
    tasks = tuple(PostedTask(f"t{number + 1}") for number in range(3))
    scenario = Scenario(tasks, tuple((name, (Ask("claim_next"),)) for name in names))
    trace: list[Step] = []
    asked: list[Operation] = []
    for first in range(0, operations, agents):
        asked += _round(names[: operations - first], trace, first)
    history = History([task.to_json() for task in tasks], asked)
    return Execution(scenario, history, trace, None, frozenset(), None, {})


def _round(names: list[str], trace: list[Step], first: int) -> Iterator[Operation]:
    """Each of the agents makes one call; the first half of all of them comes first."""
    half = EFFECTS_OF_A_CALL // 2
    begun = {}
    for name in names:
        begun[name] = len(trace)
        trace += [Step(name, effect) for effect in _effects(first)[:half]]
    for number, name in enumerate(names):
        trace += [Step(name, effect) for effect in _effects(first)[half:]]
        answer: dict[str, Any] = {"task_id": f"t{1 + number % 3}", "token": first + number}
        times = (START + begun[name] / 1e6, START + len(trace) / 1e6)
        yield Operation(name, "claim_next", {}, begun[name], len(trace), *times, "ok", answer)


def _effects(first: int) -> list[Effect]:
    path = f"t{1 + first % 3}.json"
    steps = [Effect("listdir", (".",)), Effect("open", (path,), "r"), Effect("read", (path,))]
    steps += [Effect("open", (".t.tmp",), "w", True), Effect("write", (".t.tmp",), "", True)]
    steps += [Effect("close", (".t.tmp",), "", True), Effect("replace", (".t.tmp", path), "", True)]
    lock = [Effect("flock", (".lock",), "exclusive", True), Effect("close", (".lock",), "", True)]
    return [Effect("call", (), "claim_next"), lock[0], *steps, lock[1]]
