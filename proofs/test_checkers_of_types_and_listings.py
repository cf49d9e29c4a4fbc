"""Who is able to do what, and what each listing must and must not show."""

from __future__ import annotations

from typing import Any, Final

import pytest

from proofs.harness.checkers import check
from proofs.harness.execution import Execution
from proofs.harness.history import Operation
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
from strategies.scenarios import PostedTask

BOTH: Final = (PostedTask("t1", "CODE_ANALYSIS"), PostedTask("t2", "PARALLEL_SEARCH"))
ANALYSIS: Final[dict[str, Any]] = {"capabilities": ["CODE_ANALYSIS"]}
SEARCH: Final[dict[str, Any]] = {"capabilities": ["PARALLEL_SEARCH"]}
COMPLETED: Final = op("a1", "complete", 3, 6, "t1", token=1)


def claimable(
    begin: int, end: int, seconds: float, shown: list[Any], after: float = 0.0
) -> Operation:
    """A listing of what may be claimed."""
    asked: dict[str, Any] = {"timeout_seconds": seconds}
    return op("a2", "get_claimable", begin, end, answer=shown, after=after, **asked)


def of_type(task_type: str, shown: list[Any]) -> Operation:
    """A listing by type."""
    return op("a2", "get_by_type", 0, 1, answer=shown, task_type=task_type)


def told_results(begin: int, end: int, *tasks: dict[str, Any]) -> Operation:
    """A listing of results."""
    shown = [{key: task[key] for key in ("task_id", "status", "result")} for task in tasks]
    return op("a2", "get_results_by_parent", begin, end, answer=shown, parent_id="p1")


ACCEPTED: Final[dict[str, Execution]] = {
    "none for a type of which no task is": execution(nothing("a1", 0, 1, **SEARCH)),
    "the second, as the first is of another type": execution(
        grant("a1", 0, 1, 1, "t2", **SEARCH), tasks=BOTH
    ),
    "polled out, and a task left that nobody can handle": execution(
        grant("a1", 0, 1, 1, **ANALYSIS), nothing("a1", 2, 3, **ANALYSIS), tasks=BOTH
    ),
    "none for a type that an id may not be of any more": execution(
        CLAIMED,
        COMPLETED,
        op("a1", "prune", 7, 8, answer=["t1"]),
        op("a1", "post", 9, 10, "t1", task_type="PARALLEL_SEARCH"),
        nothing("a1", 11, 12, **ANALYSIS),
    ),
    "a raised look for another type": execution(
        op("a1", "claim_next", 0, 1, outcome="unknown", error="OSError", **SEARCH), final=[seen()]
    ),
    "claimable: what is pending": execution(claimable(0, 1, 9.0, [seen()])),
    "claimable: a claim of that age": execution(CLAIMED, claimable(3, 4, 9.0, [HELD], after=9.0)),
    "claimable: no younger claim": execution(CLAIMED, claimable(3, 4, 9.0, [], after=8.0)),
    "claimable: a claim beside it, or not": execution(
        grant("a1", 0, 9, 1), claimable(1, 2, 9.0, [seen()]), claimable(3, 4, 9.0, [])
    ),
    "claimable: a claim without attempts left, or not": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(5)),
        claimable(6, 7, 9.0, [], after=4 * LEASE_SECONDS + 100),
        claimable(7, 8, 9.0, [HELD], after=4 * LEASE_SECONDS + 100),
    ),
    "pending: a claim that has lapsed, or not": execution(
        CLAIMED,
        op("a2", "get_pending", 3, 4, answer=[HELD], after=LEASE_SECONDS),
        op("a2", "get_pending", 5, 6, answer=[], after=LEASE_SECONDS),
    ),
    "of a type": execution(of_type("PARALLEL_SEARCH", [seen("t2")]), tasks=BOTH),
    "of a type of which no task is": execution(of_type("PARALLEL_SEARCH", [])),
    "results, once there are some": execution(
        CLAIMED, told_results(3, 4), op("a1", "complete", 5, 6, "t1"), told_results(7, 8, DONE)
    ),
    "results beside a completion": execution(
        CLAIMED, COMPLETED, told_results(4, 5, DONE), told_results(5, 6, DONE)
    ),
    "no results beside one that raised": execution(
        CLAIMED,
        op("a1", "complete", 3, 4, "t1", outcome="unknown", error="OSError"),
        told_results(5, 6),
        told_results(7, 8, DONE),
    ),
}

CONVICTED: Final[dict[str, Execution]] = {
    "S18 a task of another type": execution(grant("a1", 0, 1, 1, **SEARCH)),
    "S18 a raised look for another type that claimed": execution(
        op("a1", "claim_next", 0, 1, outcome="unknown", error="OSError", **SEARCH), final=[HELD]
    ),
    "S13 none beside a free task of this type": execution(
        nothing("a1", 0, 1, **ANALYSIS), tasks=BOTH
    ),
    "S13 none while now this and now that task of the type was free": execution(
        grant("a1", 0, 1, 1, "t3"),
        nothing("a2", 2, 20, **ANALYSIS),
        op("a1", "release", 3, 4, "t3", token=1),
        op("a1", "get", 5, 6, "t3", answer=seen("t3")),
        grant("a1", 7, 8, 1),
        tasks=(*BOTH, PostedTask("t3", "CODE_ANALYSIS")),
    ),
    "S17 the second of two of its type": execution(
        grant("a1", 0, 1, 1, "t2", **SEARCH),
        tasks=(*BOTH, PostedTask("t0", "PARALLEL_SEARCH")),
    ),
    "S17 before one that was posted meanwhile": execution(
        op("a1", "post", 0, 1, **PostedTask("n1", created_at=1.0).to_json()), grant("a1", 2, 3, 1)
    ),
    "S0 a task left that somebody can handle": execution(
        grant("a1", 0, 1, 1, **ANALYSIS),
        nothing("a1", 2, 3, **ANALYSIS),
        nothing("a2", 4, 5, **SEARCH),
        tasks=BOTH,
    ),
    "S16 claimable: a pending task left out": execution(claimable(0, 1, 9.0, [])),
    "S16 claimable: a claim left out that is older": execution(
        CLAIMED, claimable(3, 4, 9.0, [], after=9.0)
    ),
    "S16 claimable: a claim that is younger": execution(
        CLAIMED, claimable(3, 4, 9.0, [HELD], after=8.0)
    ),
    "S16 claimable: a task that was completed": execution(
        CLAIMED, COMPLETED, claimable(7, 8, 0.0, [DONE], after=LEASE_SECONDS)
    ),
    "S16 pending: a claim that has not lapsed": execution(
        CLAIMED, op("a2", "get_pending", 3, 4, answer=[HELD])
    ),
    "S16 of a type: one left out": execution(of_type("CODE_ANALYSIS", [])),
    "S16 of a type: one of another": execution(of_type("PARALLEL_SEARCH", [seen()])),
    "S16 results: one left out": execution(CLAIMED, COMPLETED, told_results(7, 8)),
    "S16 results: one too early": execution(
        CLAIMED, told_results(3, 4, DONE), op("a1", "complete", 5, 6, "t1")
    ),
    "S16 results: a listing that fails": execution(
        op("a1", "get_results_by_parent", 0, 1, outcome="unknown", error="FileNotFoundError: t1")
    ),
    "S11 results: of a task that nobody posted": execution(
        told_results(0, 1, {**DONE, "task_id": "t9"})
    ),
    "S9 results: of another agent": execution(
        CLAIMED, COMPLETED, told_results(7, 8, {**DONE, "result": {"by": "a2", "of": "t1"}})
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


def test_a_look_for_work_says_in_words_for_whom_it_was() -> None:
    (found,) = (v for v in check(CONVICTED["S18 a task of another type"]) if v.invariant == "S18")
    assert found.words == (
        "a1 claim_next([PARALLEL_SEARCH]) -> t1 token 1, and t1 is CODE_ANALYSIS"
    )
