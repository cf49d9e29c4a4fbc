"""How a run came to its end, and what it left open: L1 and R1."""

from __future__ import annotations

from proofs.harness.checkers.evidence import Evidence
from proofs.harness.verdict import Verdict, holds, violated


def no_wedge(evidence: Evidence) -> Verdict:
    """L1: all agents get through within a bounded number of effects.

    To open the board is recorded only where it raised; to give up waiting for a lock is no failure.
    """
    stuck = evidence.execution.stuck
    if stuck:
        return violated("L1", stuck)
    for operation in evidence.operations:
        gave_up = "Timeout" in (operation.error or "")
        if operation.name == "open" and not gave_up and not evidence.was_struck(operation):
            words = f"{operation.agent} could not open the board: {operation.error}"
            return violated("L1", words, operation)
    return holds("L1")


def no_leak(evidence: Evidence) -> Verdict:
    """R1: no descriptor is left open, no thread and no child running; what else, nobody looked."""
    execution = evidence.execution
    words = [
        f"{agent} left {', '.join(names)} open"
        for agent, names in execution.descriptors.items()
        if names
    ]
    words += [
        f"{agent} left {', '.join(parts)} running" for agent, parts in execution.running.items()
    ]
    return violated("R1", "; ".join(words)) if words else holds("R1")
