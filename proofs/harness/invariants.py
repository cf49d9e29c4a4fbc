"""The invariants by their names, in words: what a board promises."""

from __future__ import annotations

from typing import Final

INVARIANTS: Final[dict[str, str]] = {
    "S0": "every task is claimed exactly once, once all agents have polled until None",
    "S1": "between two returns of a task to the pool it is granted at most once",
    "S2": "a later grant of a task has a larger token, and no token is used twice",
    "S3": "no two agents hold claims on one task that have not lapsed",
    "S4": "a claimed task is granted again only when stale, released or failed for retry",
    "S5": "what only a holder may do is refused under an old token, and if nobody holds the task",
    "S6": "every change that was answered with ok stays visible",
    "S7": "every task whose post was ok is on the board or in quarantine",
    "S8": "whatever a reader sees of a task is some complete version of it",
    "S9": "at most one completion of a task is ok, and its result is the one kept",
    "S10": "a refusal means that nothing was done",
    "S11": "the board lists what was posted, once each, and nothing else",
    "S12": "a corrupt file changes nothing for other tasks, is never granted, and is kept",
    "S13": "claim_next answers None only if at some moment of the call nothing was claimable",
    "S14": "final states never change but by requeue",
    "S15": "a crash during recovery keeps all other promises",
    "S16": "a listing shows each task in a state that it had during the call",
    "S17": "claim_next grants in order among what was claimable during the whole call",
    "S18": "no agent is granted a task that it did not say it can handle",
    "L1": "whatever the others do, every agent gets through within a bounded number of effects",
    "L2": "a stale claim becomes claimable again",
    "R1": "no descriptor, temporary file, lock, thread or child is left over, but one daemon thread"
    " a claim",
}
"""One sentence each; the order is that of the promises, not of importance."""
