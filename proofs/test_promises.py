"""What a board promises is read from its own words; what is no such promise is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from proofs.harness.checkers import Promises, check
from proofs.harness.checkers.promises import LeaseClock, PromiseError
from proofs.harness.picture import picture
from proofs.harness.verdict import violations
from proofs.histories import LEASE_SECONDS, execution, grant, nothing
from strategies.clocks import Clock
from strategies.scenarios import PostedTask


def board(promises: Any) -> object:
    """A callable that tells these."""

    def told(_: str) -> None: ...

    told.promises = promises  # type: ignore[attr-defined]
    return told


def test_a_board_tells_what_it_promises_in_a_dict() -> None:
    assert Promises.of(object()) == Promises.of(board({})) == Promises()
    told = {"lease_seconds": None, "invariants": ["S1"], "order": "any", "persistence": "W"}
    assert Promises.of(board(told)) == Promises(frozenset({"S1"}), math.inf, 5, "any", "W")
    assert Promises.of(board({"attempts_max": None, "lease_seconds": 5})) == Promises(
        None, 5.0, None
    )
    assert Promises.of(board({"clock": "wall"})) == Promises(clock="wall")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (["S1"], "promises must be a dict, got ['S1']"),
        ({"lease": 5}, "promises must be of invariants, persistence, .*, got 'lease'"),
        ({"invariants": "S1"}, "must list some of S0, .*, got 'S1'"),
        ({"invariants": ["S99"]}, r"must list some of S0, .*, got \['S99'\]"),
        ({"lease_seconds": 0}, "must be a positive number, or None for ever, got 0"),
        ({"lease_seconds": math.nan}, "must be a positive number, or None for ever, got nan"),
        ({"lease_seconds": "5"}, "must be a positive number, or None for ever, got '5'"),
        ({"attempts_max": 0}, "must be a positive whole number, or None for no end, got 0"),
        ({"attempts_max": True}, "must be a positive whole number, or None for no end, got True"),
        ({"order": "lifo"}, "must be one of priority, fifo, any, got 'lifo'"),
        ({"order": ["any"]}, r"must be one of priority, fifo, any, got \['any'\]"),
        ({"persistence": "k"}, "must be one of K, E, W, S, got 'k'"),
        ({"clock": "monotonic"}, "must be one of any, wall, got 'monotonic'"),
    ],
)
def test_what_is_no_such_promise_is_refused_with_words(told: Any, words: str) -> None:
    with pytest.raises(PromiseError, match=words.replace("['S1']", r"\['S1'\]")):
        Promises.of(board(told))


def test_a_picture_tells_of_several_tasks_and_of_clocks_that_are_apart() -> None:
    made = execution(tasks=(PostedTask("t1", priority=5), PostedTask("t2", priority=4)))
    clock = Clock((("a1", 60.0), ("a2", -0.5)), 2.0)
    told = picture(replace(made, scenario=replace(made.scenario, clock=clock)))
    assert told.splitlines()[:2] == [
        "tasks on the board, by priority and age: t2 (priority 4), t1 (priority 5)",
        "clocks are apart: a1 by +60 s, a2 by -0.5 s, file times tick by 2 s",
    ]
    assert "tasks" not in picture(execution()) and "clocks" not in picture(execution())


def test_a_claim_that_never_lapses_is_not_free_again_after_any_time() -> None:
    made = execution(grant("a1", 0, 1, 1), nothing("a2", 2, 3, after=2 * LEASE_SECONDS))
    assert not violations(check(made, Promises(lease_seconds=math.inf)))


@pytest.mark.parametrize(
    ("clock", "skew_seconds", "leases", "is_convicted"),
    [
        ("wall", 0.0, 1, True),
        ("any", 0.0, 1, True),
        ("wall", 3600.0, 1, True),
        ("any", 3600.0, 1, False),
        ("any", 3600.0, 2, True),
    ],
)
def test_a_claim_must_have_lapsed_only_where_it_has_by_each_clock_that_it_may_go_by(
    clock: LeaseClock, skew_seconds: float, leases: int, is_convicted: bool
) -> None:
    """A second agent looks when so many leases have passed by its own clock, and finds nothing."""
    empty = nothing("a2", 2, 3, after=leases * LEASE_SECONDS + 0.001)
    made = execution(grant("a1", 0, 1, 1), empty)
    made = replace(made, scenario=replace(made.scenario, clock=Clock((("a2", skew_seconds),))))
    found = [one.invariant for one in violations(check(made, Promises(clock=clock)))]
    assert found == (["L2", "S13"] if is_convicted else [])
