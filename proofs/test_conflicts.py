"""Which effects conflict, and when two traces are one, told by definition and by brute force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.harness.conflicts import (
    Touch,
    conflict,
    contended_paths,
    is_contended,
    order_of_conflicts,
    touches,
)
from proofs.harness.effects import Effect
from proofs.harness.trace import Step

READ = Effect("read", ("t1.json",))
WRITE = Effect("write", ("t1.json",), changes=True)
LIST = Effect("listdir", (".",))
STAT = Effect("stat", ("t1.json",))
STAT_BOARD = Effect("stat", (".",))
CREATE = Effect("open", ("t1.json",), "w create exclusive", changes=True)
OPEN_LOCK = Effect("open", (".lock",), "w create", changes=True)
REPLACE = Effect("replace", (".tmp/t1", "t1.json"), changes=True)
UNLINK = Effect("unlink", ("t1.json",), changes=True)
FLOCK = Effect("flock", (".lock",), "exclusive", changes=True)
UNLOCK = Effect("flock", (".lock",), "unlock", changes=True)
CLOSE_LOCK = Effect("close", (".lock",), changes=True)
LOCK_THREADS = Effect("lock", ("<one>",), changes=True)
UNLOCK_THREADS = Effect("unlock", ("<one>",), changes=True)
ADVANCE = Effect("call", (), "advance")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WRITE, READ),
        (REPLACE, READ),  # by their names
        (REPLACE, Effect("open", ("t1.json",), "r")),
        (WRITE, WRITE),
        (CREATE, LIST),
        (CREATE, STAT_BOARD),
        (OPEN_LOCK, LIST),
        (REPLACE, LIST),
        (UNLINK, STAT_BOARD),
        (Effect("link", ("t1.json", "mark/t1"), changes=True), Effect("listdir", ("mark",))),
        (Effect("mkdir", ("lock",), changes=True), LIST),
        (Effect("symlink", ("lock",), changes=True), LIST),
        (Effect("rmdir", ("lock",), changes=True), Effect("mkdir", ("lock",), changes=True)),
        (Effect("rmdir", ("mark",), changes=True), Effect("open", ("mark/t1",), "r")),
        (Effect("rmdir", ("mark",), changes=True), Effect("unlink", ("mark/t1",), changes=True)),
        (Effect("open", ("t1.json",), "w", changes=True), READ),
        (FLOCK, FLOCK),
        (FLOCK, UNLOCK),
        (FLOCK, CLOSE_LOCK),
        (Effect("lockf", (".lock",), "try exclusive", changes=True), CLOSE_LOCK),
        (LOCK_THREADS, UNLOCK_THREADS),
        (ADVANCE, READ),
        (ADVANCE, Effect("call", (), "claim_next")),
        (Effect("utime", ("t1.json",), changes=True), Effect("stat", ("t1.json",))),
        (Effect("truncate", ("t1.json",), changes=True), READ),
        (Effect("something new", ("t1.json",), changes=True), READ),
    ],
)
def test_effects_conflict_where_their_order_can_be_seen(one: Effect, other: Effect) -> None:
    assert conflict(one, other) and conflict(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (READ, READ),
        (WRITE, Effect("read", ("t2.json",))),
        (WRITE, LIST),  # what a file holds is no part of its directory
        (WRITE, FLOCK),
        (CREATE, Effect("listdir", ("mark",))),
        (Effect("unlink", (".tmp/t1",), changes=True), LIST),
        (CLOSE_LOCK, CLOSE_LOCK),  # each lets go of its own lock alone
        (CLOSE_LOCK, UNLOCK),
        (CLOSE_LOCK, OPEN_LOCK),
        (FLOCK, LOCK_THREADS),
        (Effect("call", (), "claim"), Effect("call", (), "claim")),
        (Effect("sleep", (), "1 s"), WRITE),
    ],
)
def test_effects_on_different_things_and_looks_do_not_conflict(one: Effect, other: Effect) -> None:
    assert not conflict(one, other) and not conflict(other, one)


def touched(step: Step) -> tuple[Touch, ...]:
    [(_, found)] = touches([step])
    return found


@pytest.mark.parametrize(
    "step",
    [
        Step("a1", CREATE, "FileExistsError"),
        Step("a1", Effect("mkdir", (".",), changes=True), "FileExistsError"),
        Step("a1", OPEN_LOCK),  # it was there
        Step("a1", REPLACE, "FileNotFoundError"),
        Step("a1", FLOCK, waits=True),
    ],
    ids=Step.label,
)
def test_what_was_refused_or_made_nothing_has_only_looked(step: Step) -> None:
    assert {touch.way for touch in touched(step)} == {"looks"}


def test_an_open_that_made_a_file_changed_the_directory() -> None:
    step = Step("a1", OPEN_LOCK, made=True)
    assert {t.thing for t in touched(step) if t.way == "changes"} == {
        ("name", ".lock"),
        ("names", "."),
    }


@pytest.mark.parametrize("release", [UNLOCK, CLOSE_LOCK], ids=Effect.label)
def test_a_try_for_a_lock_that_failed_conflicts_with_letting_go(release: Effect) -> None:
    tried = Step("a1", Effect("flock", (".lock",), "try exclusive", True), "BlockingIOError")
    let_go = Step("a2", release)
    assert order_of_conflicts([tried, let_go]) != order_of_conflicts([let_go, tried])
    assert is_contended([tried, let_go])


STEPS = st.builds(
    Step,
    st.sampled_from(["a1", "a2", "a3"]),
    st.sampled_from([READ, WRITE, LIST, STAT, CREATE, FLOCK, UNLOCK, CLOSE_LOCK, ADVANCE]),
    st.sampled_from([None, None, None, "BlockingIOError"]),
    waits=st.sampled_from([False, False, False, True]),
    made=st.just(True),
    fault=st.none(),  # what is not given may be drawn by its type: "" is no fault
)
"""Nothing is moved, so what a step touches does not depend on those before."""

TRACES = st.lists(STEPS, max_size=6)


def conflicting(one: Step, other: Step) -> bool:
    return (
        one.agent != other.agent
        and not (one.waits or other.waits)
        and (
            ADVANCE in (one.effect, other.effect)  # which concerns everybody
            or any(x.conflicts_with(y) for x in touched(one) for y in touched(other))
        )
    )


def reorderings(trace: Sequence[Step]) -> set[tuple[Step, ...]]:
    """All that can be made by swapping neighbours of two agents that do not conflict."""
    found, todo = {tuple(trace)}, [tuple(trace)]
    while todo:
        one = todo.pop()
        for at, (first, second) in enumerate(pairwise(one)):
            swapped = (*one[:at], second, first, *one[at + 2 :])
            may_swap = first.agent != second.agent and not conflicting(first, second)
            if may_swap and swapped not in found:
                found.add(swapped)
                todo.append(swapped)
    return found


def kept(trace: Sequence[Step]) -> list[Step]:
    return [step for step in trace if any(conflicting(step, other) for other in trace)]


@given(trace=TRACES)
def test_traces_have_one_order_exactly_if_swaps_of_what_does_not_conflict_lead_there(
    trace: list[Step],
) -> None:
    same = {tuple(one) for one in reorderings(kept(trace))}
    digest = order_of_conflicts(trace)
    for other in set(permutations(kept(trace))):
        assert (order_of_conflicts(other) == digest) == (other in same), other


@given(trace=TRACES)
def test_only_conflicting_steps_make_an_order(trace: list[Step]) -> None:
    assert order_of_conflicts(kept(trace)) == order_of_conflicts(trace)


@given(trace=TRACES)
def test_contention_is_two_agents_at_one_thing_that_one_of_them_changes(trace: list[Step]) -> None:
    paths = {
        mine.path
        for one in trace
        for other in trace
        for mine in touched(one)
        for theirs in touched(other)
        if one.agent != other.agent and mine.path and mine.conflicts_with(theirs)
    }
    assert contended_paths(trace) == paths
    assert is_contended(trace) == bool(paths)


def test_a_lock_file_is_contended_by_those_who_take_it_in_turn() -> None:
    trace = [Step(agent, effect) for agent in ("a1", "a2") for effect in (FLOCK, CLOSE_LOCK)]
    assert contended_paths(trace) == {".lock"}
    assert not is_contended(trace[:2])


def test_a_file_stays_the_same_for_its_descriptor_when_its_name_moves() -> None:
    opened = Step("a1", Effect("open", ("t1.json",), "r"))
    moved = Step("a2", Effect("replace", ("t1.json", "t1.mine"), changes=True))
    read = Step("a1", READ)
    opened_again = Step("a2", Effect("open", ("t1.mine",), "r+"))
    written = Step("a2", Effect("write", ("t1.mine",), changes=True))
    orders = {
        order_of_conflicts([opened, moved, opened_again, *rest])
        for rest in ([read, written], [written, read])
    }
    assert len(orders) == 2


def test_a_file_that_took_the_place_of_another_is_another() -> None:
    opened = Step("a1", Effect("open", ("t1.json",), "r"))
    replaced = Step("a2", REPLACE)
    read = Step("a1", READ)
    opened_again = Step("a2", Effect("open", ("t1.json",), "r+"))
    written = Step("a2", WRITE)
    orders = {
        order_of_conflicts([opened, replaced, opened_again, *rest])
        for rest in ([read, written], [written, read])
    }
    assert len(orders) == 1


def test_what_failed_after_it_took_place_has_changed_something() -> None:
    replaced = Effect("replace", ("a", "b"), changes=True)
    reads = Step("a2", Effect("stat", ("b",)))
    for fault, conflicts in (("before: EACCES", False), ("after: EACCES", True)):
        trace = [reads, Step("a1", replaced, "PermissionError", fault=fault)]
        assert is_contended(trace) == conflicts


def test_a_kill_lets_go_of_the_locks_of_what_was_open() -> None:
    killed = Effect("SIGKILL", ("lock",), "before call, which closes", changes=True)
    assert conflict(killed, Effect("flock", ("lock",), "exclusive", changes=True))
    assert not conflict(killed, Effect("flock", ("other",), "exclusive", changes=True))
    assert not conflict(killed, Effect("close", ("lock",), changes=True))
