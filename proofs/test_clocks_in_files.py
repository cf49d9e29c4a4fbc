"""Whatever times lie in a file, and however the clocks of those who look jump: leases hold.

A claim in a file may be stale by a little or a lot, exactly at its limit, from the future, from
before the epoch, or from nowhere; its lease may be as short or long as a double can say.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proofs.harness.model import ModelTask
from strategies import claim_times, lease_durations, times
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
NOW: Final = 1_800_000_000.0
HOUR: Final = 3600.0
drawing = settings(
    max_examples=2_000 if IS_DEEP else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Clock:
    """A clock that we own."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def opened(storage: Path, clock: Clock) -> TaskBoard:
    return TaskBoard(storage, clock=clock, durability="kill", attempts_max=None)


@pytest.fixture
def storages(tmp_path: Path) -> Iterator[Path]:
    """A new directory for each example."""

    def made() -> Iterator[Path]:
        for number in range(10**6):
            yield tmp_path / str(number)

    return made()


def held(claimed_at: float, lease: float | None, **others: Any) -> Task:
    return Task(
        "t1",
        "CODE_ANALYSIS",
        "",
        status=TaskStatus.IN_PROGRESS,
        claimed_by="a0",
        claimed_at=claimed_at,
        lease_seconds=lease,
        token=7,
        attempts=1,
        **others,
    )


def is_stale(task: Task, now: float) -> bool:
    """As the promises say it."""
    model = ModelTask("CODE_ANALYSIS", 5, 0.0, status="IN_PROGRESS", claimed_by="a0")
    model.claimed_at, model.lease_seconds = task.claimed_at, task.lease_seconds
    return model.is_stale(now)


def put(board: TaskBoard, task: Task) -> None:
    """As another program writes it."""
    (board.storage_path / f"{task.task_id}.json").write_text(task.to_json())


@given(st.data(), st.sampled_from(["claim_next", "claim"]))
@drawing
def test_a_claim_is_taken_over_when_it_is_stale_and_at_no_other_moment(
    storages: Iterator[Path], data: st.DataObject, by: str
) -> None:
    """S3, S4: the clock jumps back and forth between the looks, by seconds and by ages."""
    lease = data.draw(st.one_of(st.none(), lease_durations()))
    claimed_at = data.draw(claim_times(NOW, HOUR if lease is None else lease))
    task = held(claimed_at, lease, created_at=data.draw(times()))
    clock = Clock()
    board = opened(next(storages), clock)
    put(board, task)
    leases = st.floats(-3, 3).map(lambda number: NOW + number * (lease or HOUR))
    moments = data.draw(st.lists(st.one_of(leases.filter(math.isfinite), times()), max_size=4))
    for now in [*moments, NOW]:
        clock.now = float(now)
        expected = is_stale(task, clock.now)
        listed = [one.task_id for one in board.get_claimable(HOUR)]
        assert (listed == ["t1"]) == (clock.now - float(claimed_at) >= HOUR)
        granted = board.claim("t1", "a1") if by == "claim" else board.claim_next("a1") is not None
        assert granted == expected, (claimed_at, lease, clock.now)
        if granted:
            assert not board.complete("t1", "late", token=7), "it is superseded"
            taken = board.get("t1")
            assert taken is not None and taken.token > 7 and taken.claimed_by == "a1"
            return
    assert board.complete("t1", "in time", token=7)


@given(st.data(), lease_durations())
@drawing
def test_every_claim_lapses_as_soon_as_its_lease_is_over_by_whatever_clock_it_was_made(
    storages: Iterator[Path], data: st.DataObject, lease: float
) -> None:
    """L2: also by one that was ahead, or years behind; unless no clock ever shows that moment."""
    claimed_at = float(data.draw(claim_times(NOW, lease)))
    task, clock = held(claimed_at, lease), Clock()
    board = opened(next(storages), clock)
    put(board, task)
    if not is_stale(task, NOW):
        assert board.claim_next("a1") is None
    clock.now = max(NOW, claimed_at + lease)
    for _ in range(4):  # the sum is rounded, so the first moment that is late enough may be later
        if clock.now - claimed_at < lease:
            clock.now = math.nextafter(clock.now, math.inf)
    if not math.isfinite(clock.now):
        return
    assert is_stale(task, clock.now)
    taken = board.claim_next("a1")
    assert taken is not None and taken.token > 7


@given(st.lists(times(), min_size=2, max_size=4))
@example([0, -0.0, 5e-324])
@example([2**63 - 1, float(2**63), -(2**63)])
@drawing
def test_tasks_are_granted_by_age_whatever_times_they_bear(
    storages: Iterator[Path], created: list[float]
) -> None:
    """S17."""
    board = opened(next(storages), Clock())
    for number, moment in enumerate(created):
        put(board, Task(f"t{number}", "CODE_ANALYSIS", "", created_at=moment))
    order = sorted(range(len(created)), key=lambda number: (float(created[number]), number))
    granted = [task.task_id for task in iter(lambda: board.claim_next("a1"), None)]
    assert granted == [f"t{number}" for number in order]


# Clocks of agents that are apart.

SKEWS: Final = (0.0, 1.0, HOUR / 2, HOUR - 1, HOUR, HOUR + 1, 10 * HOUR)


@pytest.mark.parametrize("ahead", [*SKEWS, *(-skew for skew in SKEWS[1:])])
def test_a_skew_costs_a_claim_only_from_a_lease_on_and_never_a_result(
    tmp_path: Path, ahead: float
) -> None:
    """The second agent's clock is ahead by so much, or behind; its claim is made a moment later."""
    first, second = opened(tmp_path, Clock(NOW)), opened(tmp_path, Clock(NOW + ahead))
    first.post(Task("t1", "CODE_ANALYSIS", ""))
    one = first.claim_next("a1")
    assert one is not None
    two = second.claim_next("a2")
    is_stolen = ahead >= HOUR or ahead < -HOUR
    assert (two is not None) == is_stolen
    assert first.complete("t1", "of a1", token=one.token) == (not is_stolen)
    if two is not None:
        assert second.complete("t1", "of a2", token=two.token)
    done = first.get("t1")
    assert done is not None and done.result == ("of a2" if is_stolen else "of a1")


@pytest.mark.parametrize("ahead", [HOUR / 2, HOUR - 1, -HOUR / 2, -HOUR])
def test_a_skew_below_a_lease_moves_the_lapse_by_itself(tmp_path: Path, ahead: float) -> None:
    """Who is ahead takes a claim over so much too early, who is behind so much too late."""
    clock = Clock(NOW + ahead)
    first, second = opened(tmp_path, Clock(NOW)), opened(tmp_path, clock)
    first.post(Task("t1", "CODE_ANALYSIS", ""))
    assert first.claim_next("a1") is not None
    clock.now = NOW + ahead + (HOUR - ahead) - 1
    assert second.claim_next("a2") is None
    clock.now += 1
    assert second.claim_next("a2") is not None


def test_who_renews_by_a_clock_that_is_ahead_keeps_the_claim_for_longer_and_not_for_ever(
    tmp_path: Path,
) -> None:
    ahead, exact = Clock(NOW + HOUR - 1), Clock(NOW)
    first, second = opened(tmp_path, ahead), opened(tmp_path, exact)
    first.post(Task("t1", "CODE_ANALYSIS", ""))
    one = first.claim_next("a1")
    assert one is not None and first.renew("t1", token=one.token)
    assert second.claim_next("a2") is None
    exact.now = NOW + 2 * HOUR - 2
    assert second.claim_next("a2") is None, "the lease runs from the other clock's now"
    exact.now = NOW + 2 * HOUR - 1
    assert second.claim_next("a2") is not None


# Zones.

ZONES: Final = (
    "UTC",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "<-12>12",
    "CET-1CEST,M3.5.0,M10.5.0/3",
)
AT_A_CHANGE_OF_CLOCKS: Final = 1_792_890_000.0
"""2026-10-25 03:00 in Central Europe, where the hour before comes a second time."""


@pytest.fixture
def zone() -> Iterator[Any]:
    """Sets the zone of this process, until the end of the test."""
    if not hasattr(time, "tzset"):
        pytest.skip("not applicable: the zone of this process cannot be changed")
    before = os.environ.get("TZ")

    def change(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield change
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def test_the_zone_of_an_agent_changes_nothing_also_between_two_calls(
    tmp_path: Path, zone: Any
) -> None:
    """Each call under another zone, in quarters of the hours around the change of clocks."""
    seen = []
    for changing in (False, True):
        clock = Clock(AT_A_CHANGE_OF_CLOCKS - HOUR)
        storage = tmp_path / f"changing {changing}"
        board = TaskBoard(storage, clock=clock, durability="kill", lease_seconds=HOUR)
        answers: list[Any] = []
        for number in range(12):
            zone(ZONES[number % len(ZONES)] if changing else "UTC")
            board.post(Task(f"t{number}", "CODE_ANALYSIS", "", created_at=clock.now))
            task = board.claim_next(f"a{number}")
            answers.append(None if task is None else (task.task_id, task.token, task.attempts))
            clock.now += HOUR / 4
        files = {path.name: json.loads(path.read_text()) for path in storage.glob("*.json")}
        seen.append((answers, files))
    assert seen[0] == seen[1]
    assert any(answer and answer[2] > 1 for answer in seen[0][0]), "some claims have lapsed"
