"""How a run came to its end, and what it left open: L1 and R1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from proofs.harness.checkers.evidence import GRANTS, Evidence, said, task_of
from proofs.harness.checkers.temporary_files import temporary_files_left
from proofs.harness.execution import LeftRunning
from proofs.harness.history import Operation
from proofs.harness.verdict import Verdict, holds, not_applicable, violated

_LAST_EFFECTS: Final = 500
_TIMES: Final = 5
"""Who tries for ever meets an error that lasts at least so often in so many effects."""

_HOLDERS_ENDS: Final = frozenset({"complete", "fail", "retry", "release"})


def no_wedge(evidence: Evidence) -> Verdict:
    """L1: all agents get through within a bounded number of effects.

    To open the board is recorded only where it raised; to give up waiting for a lock is no failure.
    Nor is it to try again for as long as an error lasts.
    """
    stuck = evidence.execution.stuck
    last = evidence.execution.trace[-_LAST_EFFECTS:]
    if stuck and sum(step.fault is not None for step in last) >= _TIMES:
        return not_applicable("L1", f"what failed went on to fail: {stuck}")
    if stuck:
        return violated("L1", stuck)
    for operation in evidence.operations:
        gave_up = "Timeout" in (operation.error or "")
        if operation.name == "open" and not gave_up and not evidence.was_struck(operation):
            words = f"{operation.agent} could not open the board: {operation.error}"
            return violated("L1", words, operation)
    return holds("L1")


def no_leak(evidence: Evidence) -> Verdict:
    """R1: no descriptor is left open, no thread and no child running, and no temporary file there.

    But each claim that an agent still holds may keep one daemon thread, to renew it.
    """
    execution = evidence.execution
    words = [
        f"{agent} left {', '.join(names)} open"
        for agent, names in execution.descriptors.items()
        if names
    ]
    for agent, parts in execution.running.items():
        claims = _claims_held(evidence, agent)
        left = _beyond(parts, claims)
        if left:
            beside = _beside(len(parts) - len(left))
            words.append(f"{agent} left {', '.join(map(str, left))} running{beside}")
    words += [
        f"{said(operation)} left {name} behind"
        for operation, name in temporary_files_left(evidence)
    ]
    return violated("R1", "; ".join(words)) if words else holds("R1")


def _beyond(parts: Sequence[LeftRunning], claims: int) -> list[LeftRunning]:
    """What is no daemon thread, and those that are more than the claims."""
    daemons = [part for part in parts if part.kind == "daemon thread"]
    return [part for part in parts if part not in daemons[:claims]]


def _claims_held(evidence: Evidence, agent: str) -> int:
    """How many claims the agent still holds, as far as it knows.

    It was granted them, or may have been, and has not let go of them; that another one took a task
    over or cancelled it, it learns only from the next call.
    """
    held: Counter[str | None] = Counter()
    for operation in evidence.operations:
        if operation.agent == agent and operation.name in GRANTS:
            held[task_of(operation)] += operation.outcome != "refused"
        elif operation.agent == agent and _lets_go(operation):
            del held[task_of(operation)]
    return held.total()


def _lets_go(operation: Operation) -> bool:
    return operation.name in _HOLDERS_ENDS and operation.outcome == "ok"


def _beside(kept: int) -> str:
    """Why not all that it left is told, if so."""
    if not kept:
        return ""
    return f", beside {'one' if kept == 1 else kept} to renew what it holds"
