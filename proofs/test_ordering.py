"""Order: lowest priority number, then oldest, then by id; of tasks as values and on the board."""

from __future__ import annotations

import random
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import task_sets, tasks
from swarm.task import Task
from swarm.task_board import TaskBoard


@given(tasks(), tasks())
def test_a_task_comes_before_another_by_priority_then_age_then_id(one: Task, other: Task) -> None:
    if one.priority != other.priority:
        expected = one.priority < other.priority
    elif float(one.created_at) != float(other.created_at):
        expected = one.created_at < other.created_at
    else:
        expected = one.task_id < other.task_id
    assert (one.order_key() < other.order_key()) is expected


@given(task_sets(max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_tasks_is_total_and_knows_nothing_of_how_they_were_listed(
    task_set: list[Task], chance: random.Random
) -> None:
    shuffled = task_set.copy()
    chance.shuffle(shuffled)
    in_order = sorted(task_set, key=Task.order_key)
    assert sorted(shuffled, key=Task.order_key) == in_order
    keys = [task.order_key() for task in in_order]
    assert len(set(keys)) == len(keys), keys


@settings(max_examples=50)
@given(task_sets(max_size=8))
def test_the_board_grants_and_lists_every_task_in_order(task_set: list[Task]) -> None:
    in_order = [task.task_id for task in sorted(task_set, key=Task.order_key)]
    with tempfile.TemporaryDirectory() as directory:
        board = TaskBoard(directory, durability="kill")
        for task in task_set:
            board.post(task)
        pending = [task.task_id for task in board.get_pending()]
        granted = [task.task_id for task in iter(lambda: board.claim_next("a0"), None)]
    assert pending == in_order
    assert granted == in_order


@settings(max_examples=30)
@given(task_sets(max_size=5), st.lists(st.booleans(), max_size=8))
def test_the_board_grants_in_order_whatever_was_posted_between_two_grants(
    task_set: list[Task], posts_first: list[bool]
) -> None:
    """Whatever the steps, a grant is of the least among what was posted and not yet granted."""
    left, claimable = task_set.copy(), list[Task]()
    with tempfile.TemporaryDirectory() as directory:
        board = TaskBoard(directory, durability="kill")
        for post in [*posts_first, *[True] * len(left), *[False] * (len(left) + 1)]:
            if post and left:
                claimable.append(left.pop())
                board.post(claimable[-1])
                continue
            granted = board.claim_next("a0")
            expected = min(claimable, key=Task.order_key, default=None)
            assert (granted and granted.task_id) == (expected and expected.task_id)
            if expected is not None:
                claimable.remove(expected)
