"""What comes back from a final state, what is put away, and what raised or has another clock."""

from __future__ import annotations

from typing import Any, Final

import pytest

from proofs.harness.checkers import check
from proofs.harness.execution import Execution
from proofs.harness.verdict import violations
from proofs.histories import (
    CLAIMED,
    DONE,
    HELD,
    LEASE_SECONDS,
    execution,
    grant,
    nothing,
    op,
    seen,
)

COMPLETED: Final = op("a1", "complete", 3, 4, "t1", token=1)
CANCELLED: Final = op("a2", "cancel", 3, 4, "t1")
REQUEUED: Final = op("a3", "requeue", 5, 6, "t1")
PRUNED: Final = op("a3", "prune", 5, 6, answer=["t1"], older_than_seconds=0.0)
RAISED: Final[dict[str, Any]] = {"outcome": "unknown", "error": "OSError: disk"}

ACCEPTED: Final[dict[str, Execution]] = {
    "cancelled, requeued, granted and completed": execution(
        CLAIMED,
        CANCELLED,
        REQUEUED,
        grant("a1", 7, 8, 2),
        op("a1", "complete", 9, 10, "t1", token=2),
        final=[DONE],
    ),
    "a requeue that raised and happened": execution(
        CLAIMED, CANCELLED, op("a3", "requeue", 5, 6, "t1", **RAISED), final=[seen()]
    ),
    "a requeue that raised, and happened after a look": execution(
        CLAIMED,
        CANCELLED,
        op("a3", "requeue", 5, 6, "t1", **RAISED),
        nothing("a2", 7, 8),
        grant("a2", 9, 10, 2),
    ),
    "a requeue that raised and did not happen": execution(
        CLAIMED,
        CANCELLED,
        op("a3", "requeue", 5, 6, "t1", **RAISED),
        nothing("a2", 7, 8),
        final=[seen(status="CANCELLED")],
    ),
    "a requeue within a cancellation": execution(
        CLAIMED, op("a2", "cancel", 3, 9, "t1"), op("a3", "requeue", 4, 8, "t1"), final=[seen()]
    ),
    "none, where a requeue need not count attempts anew": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(4)),
        op("a2", "cancel", 5, 6, "t1", after=4 * LEASE_SECONDS),
        op("a3", "requeue", 7, 8, "t1", after=4 * LEASE_SECONDS),
        grant("a1", 9, 10, 5, after=4 * LEASE_SECONDS),
        nothing("a1", 11, 12, after=5 * LEASE_SECONDS),
    ),
    "put away and gone": execution(
        CLAIMED, COMPLETED, PRUNED, op("a1", "get", 7, 8, "t1"), final=[]
    ),
    "put away and posted again as another task": execution(
        CLAIMED,
        COMPLETED,
        PRUNED,
        op("a1", "post", 7, 8, "t1"),
        grant("a2", 9, 10, 1),
        op("a2", "complete", 11, 12, "t1", token=1),
        final=[seen(status="COMPLETED", claimed_by="a2", result={"by": "a2", "of": "t1"})],
    ),
    "a prune that raised and put away": execution(
        CLAIMED, COMPLETED, op("a3", "prune", 5, 6, **RAISED), final=[]
    ),
    "a prune that raised and put nothing away": execution(
        CLAIMED, COMPLETED, op("a3", "prune", 5, 6, **RAISED), final=[DONE]
    ),
    "a prune that does not say of what": execution(
        CLAIMED, COMPLETED, op("a3", "prune", 5, 6), final=[]
    ),
    "a prune that puts one away after the other": execution(
        CLAIMED,
        COMPLETED,
        op("a3", "prune", 5, 20, answer=["t1", "n1"]),
        op("a1", "post", 6, 7, "t1"),
        op("a1", "post", 8, 9, "n1"),
        op("a1", "cancel", 10, 11, "n1"),
        nothing("a1", 12, 13, capabilities=["PARALLEL_SEARCH"]),
        final=[seen()],
    ),
    "a claim whose attempts are used up, put away": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(5)),
        op("a3", "prune", 6, 7, answer=["t1"], after=6 * LEASE_SECONDS),
        final=[],
    ),
    "a post that raised and happened, whatever it raised": execution(
        op("a1", "post", 0, 1, "n1", outcome="unknown", error="FileExistsError: n1.tmp"),
        grant("a2", 2, 3, 1, "n1"),
        tasks=(),
        final=[seen("n1", "CLAIMED", claimed_by="a2")],
    ),
    "a post that raised, of what was put away": execution(
        CLAIMED, COMPLETED, PRUNED, op("a1", "post", 7, 8, "t1", **RAISED), final=[seen()]
    ),
    "two posts at once, of which one raised": execution(
        op("a1", "post", 0, 5, "n1"),
        op("a2", "post", 1, 6, "n1", outcome="unknown", error="KeyError: 'n1'"),
        tasks=(),
        final=[seen("n1")],
    ),
    "granted anew beside one whose clock is two leases ahead": execution(
        grant("a1", 0, 1, 1),
        grant("a2", 2, 9, 3),
        grant("a3", 3, 4, 2, after=2 * LEASE_SECONDS),
    ),
    "left alone by one whose clock is two leases behind that of the holder": execution(
        grant("a1", 0, 1, 1, after=2 * LEASE_SECONDS),
        nothing("a2", 2, 3),
    ),
    "granted anew after a renewal dated two leases ahead": execution(
        grant("a1", 0, 1, 1),
        op("a3", "renew", 2, 3, "t1", after=2 * LEASE_SECONDS),
        grant("a2", 4, 5, 2),
    ),
    "ended, its attempts used up, by a look under another clock": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(5)),
        nothing("a2", 6, 7, after=9 * LEASE_SECONDS),
        op("a1", "get", 8, 9, "t1", after=4 * LEASE_SECONDS, answer=seen(status="FAILED")),
    ),
}

CONVICTED: Final[dict[str, Execution]] = {
    "S14 completed and requeued": execution(CLAIMED, COMPLETED, REQUEUED),
    "S14 requeued before it was cancelled, and granted": execution(
        CLAIMED,
        CANCELLED,
        REQUEUED,
        op("a2", "cancel", 7, 8, "t1"),
        grant("a1", 9, 10, 2),
    ),
    "S14 requeued before it was cancelled, and seen pending": execution(
        CLAIMED,
        CANCELLED,
        REQUEUED,
        op("a2", "cancel", 7, 8, "t1"),
        op("a1", "get", 9, 10, "t1", answer=seen()),
    ),
    "S14 completed, beside a requeue that raised, and pending": execution(
        CLAIMED, COMPLETED, op("a3", "requeue", 5, 6, "t1", **RAISED), final=[seen()]
    ),
    "S14 put away and granted": execution(CLAIMED, COMPLETED, PRUNED, grant("a2", 7, 8, 2)),
    "S1 granted twice after a requeue": execution(
        CLAIMED, CANCELLED, REQUEUED, grant("a1", 7, 9, 2), grant("a2", 8, 10, 3)
    ),
    "S6 requeued and cancelled in the end": execution(
        CLAIMED, CANCELLED, REQUEUED, final=[seen(status="CANCELLED")]
    ),
    "S13 none after a requeue": execution(CLAIMED, CANCELLED, REQUEUED, nothing("a1", 7, 8)),
    "S5 completed after a requeue and a grant": execution(
        CLAIMED,
        CANCELLED,
        REQUEUED,
        grant("a2", 7, 8, 2),
        op("a1", "complete", 9, 10, "t1", token=1),
    ),
    "S7 pending and put away": execution(PRUNED, final=[]),
    "S7 held and put away": execution(CLAIMED, PRUNED, final=[]),
    "S7 requeued and put away": execution(
        CLAIMED, CANCELLED, REQUEUED, op("a3", "prune", 7, 8, answer=["t1"])
    ),
    "S7 gone, and not among what was put away": execution(
        CLAIMED, COMPLETED, op("a3", "prune", 5, 6, answer=[]), final=[]
    ),
    "S11 put away, and posted by nobody": execution(op("a3", "prune", 5, 6, answer=["t9"])),
    "S6 put away and there in the end": execution(CLAIMED, COMPLETED, PRUNED, final=[DONE]),
    "S16 put away and listed": execution(
        CLAIMED, COMPLETED, PRUNED, op("a1", "list_all", 7, 8, answer=[DONE])
    ),
    "S13 none beside what was posted again": execution(
        CLAIMED, COMPLETED, PRUNED, op("a1", "post", 7, 8, "t1"), nothing("a2", 9, 10)
    ),
    "S4 what was posted again, granted twice": execution(
        CLAIMED,
        COMPLETED,
        PRUNED,
        op("a1", "post", 7, 8, "t1"),
        grant("a1", 9, 11, 1),
        grant("a2", 10, 12, 2),
    ),
    "S13 none beside a task that was posted twice, whatever one raised": execution(
        op("a1", "post", 0, 5, "n1"),
        op("a2", "post", 1, 6, "n1", outcome="unknown", error="ValueError: taken"),
        nothing("a3", 7, 8),
        tasks=(),
    ),
    "S10 refused for no reason, beside a duplicate": execution(
        op("a2", "post", 1, 2, "t1", outcome="unknown", error="ValueError: taken"),
        op("a1", "claim", 3, 5, "t1", outcome="refused"),
    ),
    "S3 held by two whose clocks are a minute apart": execution(
        grant("a1", 0, 1, 1), grant("a2", 2, 3, 2, after=60.0), final=[HELD]
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    assert not violations(check(ACCEPTED[name]))


@pytest.mark.parametrize("name", CONVICTED)
def test_what_no_order_explains_is_convicted(name: str) -> None:
    found = violations(check(CONVICTED[name]))
    assert name.split(maxsplit=1)[0] in {verdict.invariant for verdict in found}, found
    assert all(verdict.words for verdict in found)


def test_a_requeue_of_what_was_completed_is_told_as_such() -> None:
    (found,) = violations(check(CONVICTED["S14 completed and requeued"]))
    told = "t1 was final and changed: a1 complete(t1, token=1) -> ok; then a3 requeue(t1) -> ok"
    assert found.words == told
