"""How a run came to its end, and what it left open: L1 and R1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from proofs.harness.checkers.evidence import GRANTS, Evidence, said, task_of
from proofs.harness.execution import LeftRunning
from proofs.harness.history import Operation
from proofs.harness.trace import SIGNALS, Step
from proofs.harness.turns import pattern_of
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

    But each claim that an agent still holds may keep one daemon thread, to renew it. A temporary
    file is what a call made, was to move, and left as it raised what an error of the system was
    struck with: who can go on after it can clear up, too.
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
        for operation in evidence.operations
        for name in _temporary_files(evidence, operation)
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


def _temporary_files(evidence: Evidence, operation: Operation) -> list[str]:
    """What a call that met an error made, meant to move, and left where it was.

    Not what it could not remove, nor what one that was interrupted left: see ``nemesis``.
    """
    steps = evidence.steps_of(operation)
    if operation.error is None or not any(step.fault for step in steps):
        return []
    if any(step.effect.kind in SIGNALS for step in steps):
        return []
    made = _sources(step for step in steps if step.effect.kind == "open" and step.changed)
    unmoved = _sources(step for step in steps if _is_move(step) and not step.happened)
    removed = _sources(step for step in steps if step.effect.kind == "unlink")
    return sorted((made & unmoved - removed).intersection(evidence.execution.files))


def _is_move(step: Step) -> bool:
    return step.effect.kind in ("replace", "link")


def _sources(steps: Iterable[Step]) -> set[str]:
    return {pattern_of(step.effect.paths[0]) for step in steps}
