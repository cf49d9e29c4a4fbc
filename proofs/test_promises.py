"""What a board promises is read from its own words, and nothing else is guessed."""

from __future__ import annotations

import math

from proofs.harness.checkers import Promises, check
from proofs.harness.verdict import violations
from proofs.histories import LEASE_SECONDS, execution, grant, nothing


def test_a_board_tells_what_it_promises_in_a_dict() -> None:
    def told(_: str) -> None: ...

    assert Promises.of(told) == Promises()
    told.promises = {"lease_seconds": None, "invariants": ["S1"], "order": "any"}  # type: ignore[attr-defined]
    assert Promises.of(told) == Promises(frozenset({"S1"}), math.inf, 5, "any")


def test_a_claim_that_never_lapses_is_not_free_again_after_any_time() -> None:
    made = execution(grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS))
    assert not violations(check(made, Promises(lease_seconds=math.inf)))
