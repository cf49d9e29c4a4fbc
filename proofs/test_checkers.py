"""Each checker convicts what breaks its invariant, and nothing that some real order explains."""

from __future__ import annotations

import pytest

from proofs.harness.checkers import CHECKERS, Disagreement, Evidence, Promises, check
from proofs.harness.checkers.orders import judge_orders
from proofs.harness.history import KILLED
from proofs.harness.verdict import violated, violations
from proofs.histories import (
    CLAIMED,
    DONE,
    HELD,
    LEASE_SECONDS,
    TWO,
    execution,
    grant,
    nothing,
    op,
    seen,
)

ACCEPTED = {
    "nothing at all": execution(final=[seen()]),
    "overlapping claims, one refused": execution(grant("a1", 0, 9, 1), nothing("a2", 1, 8)),
    "claimed again after a release": execution(
        CLAIMED, op("a1", "release", 3, 6, "t1", token=1), grant("a2", 4, 8, 2)
    ),
    "claimed again after a lapse": execution(CLAIMED, grant("a2", 3, 5, 2, after=LEASE_SECONDS)),
    "none while the only task is held": execution(CLAIMED, nothing("a2", 3, 4)),
    "none while the only task may not have been released": execution(
        CLAIMED, op("a1", "release", 3, 9, "t1", token=1), nothing("a2", 4, 5)
    ),
    "completed once and refused once": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 3, 7, "t1", outcome="refused"),
        final=[DONE],
    ),
    "completed before a lapse and granted to nobody": execution(
        CLAIMED,
        op("a1", "complete", 3, 9, "t1", token=1),
        nothing("a2", 4, 5, after=2 * LEASE_SECONDS),
        final=[DONE],
    ),
    "a completion that raised and happened": execution(
        CLAIMED, op("a1", "complete", 3, 9, "t1", outcome="unknown", error="OSError"), final=[DONE]
    ),
    "a completion that raised and did not happen": execution(
        CLAIMED, op("a1", "complete", 3, 9, "t1", outcome="unknown", error="OSError"), final=[HELD]
    ),
    "a look for work that raised, and claimed after a lapse": execution(
        CLAIMED,
        op("a2", "claim_next", 3, 4, outcome="unknown", error="OSError"),
        nothing("a3", 5, 6, after=LEASE_SECONDS),
    ),
    "a look for work that raised and claimed": execution(
        op("a1", "claim_next", 0, 2, outcome="unknown", error="OSError"),
        nothing("a2", 3, 4),
        final=[HELD],
    ),
    "a renewal or a cancellation, whichever came first": execution(
        CLAIMED,
        op("a1", "renew", 3, 7, "t1", token=1),
        op("a2", "cancel", 4, 6, "t1"),
        final=[seen(status="CANCELLED")],
    ),
    "a duplicate that was refused": execution(
        op("a1", "post", 0, 1, "t1", outcome="unknown", error="DuplicateTaskError: t1"),
        final=[seen()],
    ),
    "listings that saw what was before and after": execution(
        grant("a1", 0, 9, 1),
        op("a2", "list_all", 1, 2, answer=[HELD]),
        op("a3", "list_all", 3, 4, answer=[HELD]),
        op("a2", "get_pending", 5, 6, answer=[]),
    ),
    "a token that is not known": execution(
        op("a1", "claim", 0, 9, "t1", answer={"task_id": "t1", "token": None}),
        op("a3", "release", 2, 3, "t1"),
        grant("a2", 4, 5, 2),
    ),
    "states in words that are not ours": execution(CLAIMED, final=[seen(status="taken")]),
    "the end of a claim whose attempts are used up": execution(
        *(grant("a1", n, n + 1, n + 1, after=n * LEASE_SECONDS) for n in range(5)),
        nothing("a1", 6, 7, after=6 * LEASE_SECONDS),
        final=[seen(status="FAILED", claimed_by="a1")],
    ),
}

CONVICTED = {
    "S0 a task never granted": execution(CLAIMED, nothing("a1", 3, 4), tasks=TWO),
    "S1 two grants": execution(grant("a1", 0, 5, 1), grant("a2", 1, 6, 2)),
    "S1 a return that came too early": execution(
        grant("a1", 0, 1, 1),
        op("a1", "release", 2, 3, "t1", token=1),
        grant("a1", 4, 6, 2),
        grant("a2", 5, 7, 3),
    ),
    "S2 one token twice": execution(CLAIMED, op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)),
    "S2 a smaller token later": execution(
        grant("a1", 0, 2, 2), op("a1", "release", 3, 6, "t1"), grant("a2", 7, 8, 1)
    ),
    "S3 two owners": execution(grant("a1", 0, 5, 1), grant("a2", 6, 7, 2)),
    "S4 taken over though renewed": execution(
        CLAIMED,
        op("a1", "renew", 3, 4, "t1", token=1, after=LEASE_SECONDS - 1),
        grant("a2", 5, 6, 2, after=LEASE_SECONDS),
    ),
    "S5 a completion after another grant": execution(
        CLAIMED,
        grant("a2", 3, 4, 2, after=LEASE_SECONDS),
        op("a1", "complete", 5, 6, "t1", token=1, after=LEASE_SECONDS),
    ),
    "S5 a release that took the task from another": execution(
        CLAIMED,
        op("a1", "release", 3, 9, "t1", token=1, after=LEASE_SECONDS),
        grant("a2", 4, 5, 2, after=LEASE_SECONDS),
        op("a2", "get", 6, 7, "t1", answer=seen(status="CLAIMED", claimed_by="a2")),
        final=[seen()],
    ),
    "S5 a completion of what nobody was granted": execution(
        op("a1", "complete", 0, 1, "t1"), grant("a2", 3, 4, 1)
    ),
    "S6 two posts of one id": execution(
        op("a1", "post", 0, 5, "n1"), op("a2", "post", 1, 6, "n1"), final=[seen(), seen("n1")]
    ),
    "S6 a claim that does not show": execution(CLAIMED, final=[seen()]),
    "S7 a task that is gone": execution(op("a1", "post", 0, 1, "n1"), final=[seen()]),
    "S7 a task that get does not find": execution(op("a1", "get", 0, 1, "t1")),
    "S8 a torn read": execution(
        op("a1", "get", 0, 1, "t1", outcome="unknown", error="JSONDecodeError: Expecting value")
    ),
    "S8 a reader that fails": execution(
        op("a1", "get", 0, 1, "t1", outcome="unknown", error="FileNotFoundError: t1.json")
    ),
    "S9 completed twice": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        op("a2", "complete", 4, 7, "t1"),
    ),
    "S9 another's result": execution(
        CLAIMED,
        op("a1", "complete", 3, 6, "t1", token=1),
        final=[seen(status="COMPLETED", result={"by": "a2", "of": "t1"})],
    ),
    "S10 refused and held": execution(nothing("a1", 0, 5), final=[HELD]),
    "S10 refused for no reason": execution(op("a1", "claim", 0, 5, "t1", outcome="refused")),
    "S11 a file that is no task": execution(
        op("a1", "list_all", 0, 1, answer=[seen(), seen("t1.new")])
    ),
    "S11 a task shown twice": execution(final=[seen(), seen()]),
    "S13 none beside a free task": execution(grant("a1", 0, 9, 1), nothing("a2", 1, 8), tasks=TWO),
    "S13 none after a lapse": execution(
        grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS)
    ),
    "S13 none while now this and now that task was free": execution(
        grant("a1", 0, 1, 1, "t2"),
        nothing("a2", 2, 20),
        op("a1", "release", 3, 4, "t2", token=1),
        op("a1", "get", 5, 6, "t2", answer=seen("t2")),
        grant("a1", 7, 8, 1),
        tasks=TWO,
    ),
    "L2 none after a lapse": execution(
        grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS)
    ),
    "L2 refused by its id after a lapse": execution(
        grant("a1", 0, 1, 1), op("a2", "claim", 2, 3, "t1", outcome="refused", after=LEASE_SECONDS)
    ),
    "L2 none once the claim of a killed agent has lapsed": execution(
        op("a1", "claim_next", 0, 1, outcome="unknown", error=KILLED),
        nothing("a2", 2, 3, after=LEASE_SECONDS),
    ),
    "S6 what a killed agent cannot have done": execution(
        CLAIMED,
        op("a1", "release", 3, 4, "t1", token=1, outcome="unknown", error=KILLED),
        op("a2", "get", 5, 6, "t1", answer=HELD),
        op("a3", "get", 7, 8, "t1", answer=seen()),
        op("a2", "complete", 9, 10, "t1", token=1),
    ),
    "S14 cancelled and completed": execution(
        CLAIMED,
        op("a1", "complete", 3, 9, "t1", token=1),
        op("a2", "cancel", 4, 8, "t1"),
    ),
    "S14 cancelled and held in the end": execution(
        CLAIMED, op("a2", "cancel", 1, 8, "t1"), final=[HELD]
    ),
    "S16 a task left out": execution(op("a1", "list_all", 0, 1, answer=[])),
    "S16 a state it was not in": execution(
        op("a2", "list_all", 0, 1, answer=[HELD]), grant("a1", 3, 4, 1)
    ),
    "S16 a listing that fails": execution(
        op("a1", "list_all", 0, 1, outcome="unknown", error="FileNotFoundError: t1.json")
    ),
    "S18 a task that it cannot handle": execution(
        grant("a1", 0, 1, 1, capabilities=["PARALLEL_SEARCH"])
    ),
    "S17 the second before the first": execution(grant("a1", 0, 1, 1, "t2"), tasks=TWO),
    "L1 a run that got stuck": execution(stuck="nobody can go on: a1 before flock"),
    "R1 a descriptor": execution(descriptors={"a1": [".board.lock"], "a2": []}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    assert not violations(check(ACCEPTED[name]))


@pytest.mark.parametrize("name", CONVICTED)
def test_what_no_order_explains_is_convicted(name: str) -> None:
    found = violations(check(CONVICTED[name]))
    assert name.split(maxsplit=1)[0] in {verdict.invariant for verdict in found}, found
    assert all(verdict.words for verdict in found)
    assert not [verdict for verdict in found if verdict.words.endswith((" ", ":", ";"))]


def test_each_invariant_that_can_be_judged_is_seen_violated() -> None:
    shown = {name.split(maxsplit=1)[0] for name in CONVICTED}
    assert shown == set(CHECKERS)


def test_what_a_board_lacks_or_does_not_promise_is_not_applicable() -> None:
    lacking = frozenset({"complete", "claim_next", "list_all", "get_pending", "get"})
    without = execution(grant("a1", 0, 5, None), grant("a2", 1, 6, None), lacking=lacking)
    values = {verdict.invariant: verdict.value for verdict in check(without)}
    for invariant in ("S0", "S2", "S5", "S7", "S9", "S13", "S16", "S17", "S18"):
        assert values[invariant] == "not applicable", invariant
    assert values["S1"] == "violated"
    promised = Promises(invariants=frozenset({"S2"}))
    assert not violations(check(without, promised))


def test_what_is_done_to_a_task_that_nobody_holds_is_told_in_words() -> None:
    """And of tasks that were ended so nobody knows whether they had to be granted."""
    made = execution(op("a1", "complete", 0, 1, "t1"), nothing("a1", 2, 3))
    (found,) = violations(check(made))
    assert str(found) == "S5 violated: nobody had been granted t1: a1 complete(t1) -> ok"
    others = Promises(invariants=frozenset(CHECKERS) - {"S5"})
    verdicts = {verdict.invariant: verdict for verdict in check(made, others)}
    assert verdicts["S0"].value == "not applicable"
    assert verdicts["S0"].words == "a task was ended that nobody had been granted"


def test_a_run_that_got_stuck_is_judged_for_that_alone() -> None:
    verdicts = check(execution(grant("a1", 0, 5, 1), grant("a2", 1, 6, 1), stuck="nobody can"))
    assert {verdict.value for verdict in verdicts} == {"violated", "unknown"}
    assert [verdict.invariant for verdict in violations(verdicts)] == ["L1"]


def test_an_aspect_that_convicts_what_an_order_explains_is_our_own_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = violated("S1", "a checker that is wrong")
    monkeypatch.setitem(CHECKERS, "S1", lambda _: wrong)
    with pytest.raises(Disagreement, match="a checker that is wrong"):
        check(execution(CLAIMED))


def test_what_an_operation_that_raised_may_explain_is_not_convicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHECKERS, "S1", lambda _: violated("S1", "a checker that is wrong"))
    raised = op("a2", "cancel", 0, 1, "t1", outcome="unknown", error="OSError")
    values = {verdict.invariant: verdict.value for verdict in check(execution(CLAIMED, raised))}
    assert values["S1"] == "unknown"


def test_a_token_below_one_that_was_known_is_superseded_by_one_that_is_not() -> None:
    late = op("a1", "claim", 20, 29, "t1", answer={"task_id": "t1", "token": None})
    made = execution(
        CLAIMED,
        op("a1", "release", 3, 4, "t1", token=1),
        grant("a2", 5, 6, 2),
        op("a2", "release", 7, 8, "t1", token=2),
        late,
        op("a2", "release", 21, 22, "t1"),
        grant("a2", 23, 24, 4),
        op("a1", "release", 30, 31, "t1", token=1),
    )
    assert "S5" in {verdict.invariant for verdict in violations(check(made))}


def test_a_search_that_is_spent_says_unknown_and_convicts_nobody() -> None:
    evidence = Evidence(execution(CLAIMED, op("a1", "complete", 3, 6, "t1", token=1)))
    found = judge_orders(evidence, steps_max=1)
    assert {verdict.value for verdict in found} == {"unknown"}
