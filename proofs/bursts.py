"""Bursts: several agents at once on a board that has been in use, judged by what it was before.

The sequential rules of the machine live by the clock of the disk, a burst by that of the scenario.
Where the two meet, files get times of the one that is to come, and an index that went by the other
is dropped if one of the clocks ticks so slowly that it could be misled.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from hypothesis import currently_in_test_context, event
from hypothesis import strategies as st

from proofs.harness.board_path import load_board
from proofs.harness.checkers import Evidence, Promises, check
from proofs.harness.checkers.evidence import said
from proofs.harness.clock import SharedTime
from proofs.harness.execution import Execution, run_from
from proofs.harness.history import Operation
from proofs.harness.interception import interception
from proofs.harness.model import BoardModel, ModelTask
from proofs.harness.processes import ProcessGate
from proofs.harness.trace import preemptions
from proofs.harness.verdict import violations
from strategies.clocks import Clock, clocks
from strategies.faults import Fault, fault_plans
from strategies.interleavings import turn_by_turn
from strategies.programs import ASKS, Ask, Program, programs
from strategies.scenarios import Scenario
from swarm.file_times import FileClock

EFFECTS_MAX: Final = 80
"""A fault strikes an agent at one of so many of its effects: those of some two calls."""

AGENTS: Final = ("a1", "a2", "a3")
GATES: Final = st.sampled_from(["threads", "threads", "threads", "processes"])
FENCED: Final = ("start", "renew", "complete", "fail", "retry", "release", "cancel")
"""The operations that may bear a token, as ``Ask`` names them."""

# Nothing contends more than claims. What people ask is left to the rules between.
_BY_PEOPLE: Final = ("requeue", "prune", "get_results_by_parent")
_NAMES: Final = (*("claim_next", "claim") * 3, *(a for a in ASKS if a not in _BY_PEOPLE))
_KEPT: Final = ("task_type", "priority", "created_at", "payload")
# What our board raises for a post of an id that is taken, and after waiting for too long.
_EXPECTED: Final = ("DuplicateTaskError", "LockTimeoutError")
_YEAR_SECONDS: Final = 366 * 86_400


@st.composite
def bursts(
    draw: st.DrawFn,
    tokens: Mapping[str, int | None],
    *,
    lease_seconds: float,
    faults_max: int = 0,
    can_kill: bool = False,
) -> Scenario:
    """2 or 3 agents with 1 to 3 calls each, on these tasks; shrinks to one ``claim_next`` each.

    And to no fault, one exact clock and listings by name; every other one has no fault.

    ``tokens`` are those that calls on a task by its id are to bear where they can. A call on the
    last grant that comes before any look for work is one on a task that may be held from before.
    """
    one = programs(list(tokens), asks_max=3, names=_NAMES, lease_seconds=lease_seconds)
    found = draw(st.lists(one, min_size=2, max_size=len(AGENTS)))
    agents = AGENTS[: len(found)]
    held = st.sampled_from(list(tokens))
    meant = [tuple(_meant(draw, program, held, tokens)) for program in found]
    turns, faults = draw(turn_by_turn(agents)), tuple[Fault, ...]()
    if faults_max and draw(st.booleans()):
        faults = draw(
            fault_plans(
                agents,
                faults_max=faults_max,
                lease_seconds=lease_seconds,
                can_kill=can_kill,
                occurrences_max=EFFECTS_MAX,
            )
        )
    clock, chance = draw(clocks(agents)), draw(st.sampled_from([0, 0, 1, 2, 3]))
    return Scenario((), tuple(zip(agents, meant, strict=True)), turns, clock, chance, faults)


def _meant(
    draw: st.DrawFn,
    program: Program,
    held: st.SearchStrategy[str],
    tokens: Mapping[str, int | None],
) -> Iterator[Ask]:
    has_looked = False
    for ask in program:
        has_looked = has_looked or ask.name in ("claim", "claim_next")
        if ask.name not in FENCED or (ask.task_id is None and has_looked):
            yield ask
        else:
            task_id = ask.task_id or draw(held)
            yield replace(ask, task_id=task_id, fenced=False, token=tokens[task_id])


def told(model: BoardModel, *, unnoticed: Collection[str]) -> list[dict[str, Any]]:
    """The tasks of the model as a history tells of them; those ``unnoticed`` may be passed over."""
    return [
        {name: getattr(task, name) for name in ModelTask.__slots__}
        | {"task_id": task_id, "noticed": task_id not in unnoticed}
        | {"largest_token": model.largest_tokens.get(task_id, 0)}
        for task_id, task in model.tasks.items()
    ]


def left_in(storage: Path, *, but: Collection[str]) -> dict[str, ModelTask]:
    """What the files say of each task that is not damaged."""
    found = {}
    for path in storage.glob("*.json"):
        if path.stem not in but:
            found[path.stem] = ModelTask.of(json.loads(path.read_bytes()))
    return found


def follow(model: BoardModel, execution: Execution, left: dict[str, ModelTask]) -> None:
    """Let the model go on from what a burst left.

    Raises AssertionError for what cannot have come of it: what no call changes must be as it was,
    and tokens and attempts what the grants made of them, those too of which nobody knows.
    """
    for task_id, task in left.items():
        before = model.tasks.get(task_id) or ModelTask(
            task.task_type, task.priority, task.created_at, task.payload
        )
        tokens = [grant.answer["token"] for grant in execution.history.grants(task_id)]
        maybe = sum(_may_have_granted(operation, task_id) for operation in _operations(execution))
        expected = {name: getattr(before, name) for name in _KEPT}
        if not maybe:
            expected["attempts"] = before.attempts + len(tokens)
            expected["token"] = max(tokens, default=before.token)
        for name, value in expected.items():
            got = getattr(task, name)
            assert got == value, f"S6: {name} of {task_id} must be {value!r}, got {got!r}"
        more = task.attempts - before.attempts - len(tokens)
        assert 0 <= more <= maybe, f"S6: {task_id} was granted {more} times that nobody asked for"
        largest = max([model.largest_tokens.get(task_id, 0), *tokens, task.token if maybe else 0])
        model.largest_tokens[task_id] = largest
    model.tasks = left


def _may_have_granted(operation: Operation, task_id: str) -> bool:
    """Whether nobody knows if it granted this task."""
    is_grant = operation.outcome == "unknown" and operation.name in ("claim", "claim_next")
    return is_grant and operation.arguments.get("task_id", task_id) == task_id


def _operations(execution: Execution) -> Sequence[Operation]:
    return execution.history.operations


def were_cut_off(execution: Execution) -> bool:
    """Whether an agent was ended or interrupted amid a call: its files are cleared by the next."""
    kinds = {"SIGKILL", "SIGTERM", "KeyboardInterrupt"}
    return any(step.effect.kind in kinds for step in execution.trace)


def moments_of(execution: Execution) -> Iterator[float]:
    """When it was, by the clocks of the agents: their calls began and ended."""
    for one in _operations(execution):
        yield from (one.started, one.ended)


def run_burst(
    scenario: Scenario,
    board: str,
    storage: Path,
    time: SharedTime,
    before: Sequence[dict[str, Any]],
    *,
    in_processes: bool,
) -> Execution:
    """Let the agents loose on what is in ``storage``; ``time`` and ``before`` as in ``run_from``.

    ``board`` names the board (see ``load_board``). The doors are open meanwhile, and closed after.
    """
    opens = load_board(board)
    time.file_tick_ns = scenario.clock.file_tick_ns
    with _by_the_clock_of(time, storage), interception():
        gate = _workers(board) if in_processes else None
        return run_from(time, scenario, opens, storage, before, gate)


def convict(execution: Execution, promises: Promises) -> None:
    """Raise AssertionError, the invariant first, where the burst breaks one."""
    verdicts = check(execution, promises)
    for verdict in verdicts:
        if verdict.value == "unknown" and currently_in_test_context():
            event(f"a burst could not be judged for {verdict.invariant}")
    broken = [str(verdict) for verdict in violations(verdicts)]
    broken += _raised(Evidence(execution, promises))
    if broken:
        told = [broken[0], *_told(execution), *_odd(execution.scenario), *_turns(execution)]
        raise AssertionError("\n".join(told))


@cache
def _the_workers() -> ProcessGate:
    """Kept for all machines of this process; they end with it."""
    return ProcessGate("proofs.machine_boards:SHORT")


def _workers(board: str) -> ProcessGate:
    gate = _the_workers()
    gate.board = board
    return gate


def _raised(evidence: Evidence) -> Iterator[str]:
    """What no caller expects where nothing fails."""
    for operation in evidence.operations:
        if operation.error is None or evidence.was_struck(operation):
            continue
        if not operation.error.startswith(_EXPECTED):
            yield f"L1 violated: no fault was there, and yet {said(operation)}"


def _told(execution: Execution) -> Iterator[str]:
    """All that the agents were told, by the moment at which they asked."""
    for one in execution.history.operations:
        yield f"  effects {one.invoked_at:>3} to {one.returned_at:>3}: {said(one)}"


def _odd(scenario: Scenario) -> Iterator[str]:
    """What went wrong, and whatever of the surroundings is not as plain as it could be."""
    yield from (f"  with {fault}" for fault in scenario.faults)
    if scenario.clock != Clock():
        yield f"  with {scenario.clock}"
    if scenario.chance:
        yield f"  with chance {scenario.chance}"


def _turns(execution: Execution) -> Iterator[str]:
    """Who went on for how long, with the last effect of each turn: how to see it happen."""
    yield f"  seen with {preemptions(execution.trace)} preemptions, in these turns:"
    for _, steps in groupby(execution.trace, lambda step: step.agent):
        turn = list(steps)
        yield f"  {len(turn):>3} effects up to {turn[-1].label()}"


@contextmanager
def _by_the_clock_of(time: SharedTime, storage: Path) -> Iterator[None]:
    """Within, file times are those of this clock; afterwards the disk's own again.

    So what the agents see of a file depends on nothing that the disk decides.
    """
    is_fine = FileClock.of(storage.parent / "clock").fine and not time.file_tick_ns
    if not is_fine:
        shutil.rmtree(storage / ".index", ignore_errors=True)
    for path in (storage, *storage.glob("*.json")):
        if abs(path.lstat().st_mtime_ns - time.calendar_ns) > _YEAR_SECONDS * 10**9:
            os.utime(path, ns=(time.file_ns, time.file_ns), follow_symlinks=False)
    try:
        yield
    finally:
        time.file_tick_ns = 0
    if not is_fine:
        shutil.rmtree(storage / ".index", ignore_errors=True)
