"""The reductions, against what each says it does in one sentence; and the coordinator over them."""

from __future__ import annotations

import copy
import inspect
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import json_values
from swarm.errors import InvalidTaskError
from swarm.reduction import (
    STRATEGIES,
    BestScoreStrategy,
    FirstResultStrategy,
    MajorityVoteStrategy,
    MergeAllStrategy,
    ReductionStrategy,
    get_strategy,
    reduce_results,
)
from swarm.swarm_agent import SwarmAgent
from swarm.swarm_coordinator import SwarmCoordinator
from swarm.task import Task, TaskType
from swarm.task_board import TaskBoard

KEYS = st.sampled_from(["score", "decision", "found", ""])
RESULTS = st.lists(st.one_of(st.dictionaries(KEYS, json_values()), json_values()), max_size=6)
VOTES = st.one_of(
    st.sampled_from(["yes", "no", 1, True, None]),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(KEYS, st.sampled_from([0, False]), max_size=2),
)
BALLOTS = st.lists(
    st.one_of(st.builds(lambda vote: {"decision": vote}, VOTES), st.just({}), st.just("abstains")),
    max_size=8,
)


def _text(value: object) -> str:
    """Which JSON value it is: unlike ``==`` this tells 1 from true."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("name", STRATEGIES)
class TestEveryStrategy:
    def test_makes_none_of_no_results(self, name: str) -> None:
        assert get_strategy(name).reduce([]) is None
        assert reduce_results([], name) is None

    @given(results=RESULTS)
    def test_takes_any_json_and_changes_none_of_it(self, name: str, results: list[Any]) -> None:
        before = copy.deepcopy(results)
        reduced = reduce_results(results, name)
        assert _text(results) == _text(before)
        _empty_all(reduced)
        assert _text(results) == _text(before), "what is answered must be the caller's own"

    def test_is_a_reduction_strategy_of_that_name(self, name: str) -> None:
        assert isinstance(get_strategy(name), ReductionStrategy)


def _empty_all(value: object) -> None:
    """Change whatever can be changed in it."""
    if isinstance(value, (dict, list)):
        for inner in list(value.values() if isinstance(value, dict) else value):
            _empty_all(inner)
        value.clear()


def test_the_names_are_those_that_callers_use() -> None:
    assert {
        "first": FirstResultStrategy,
        "best_score": BestScoreStrategy,
        "merge_all": MergeAllStrategy,
        "majority_vote": MajorityVoteStrategy,
    } == STRATEGIES


@given(RESULTS, st.text().filter(lambda name: name not in STRATEGIES))
def test_an_unknown_name_is_first_whatever_else_is_passed(results: list[Any], name: str) -> None:
    assert get_strategy(name, vote_key="x") == FirstResultStrategy()
    assert reduce_results(results, name, score_key="x") == reduce_results(results, "first")


def test_a_keyword_that_a_strategy_does_not_take_is_refused() -> None:
    with pytest.raises(TypeError, match="vote_key"):
        get_strategy("best_score", vote_key="decision")


@given(RESULTS)
def test_first_is_the_first_result(results: list[Any]) -> None:
    assert reduce_results(results) == (results[0] if results else None)


# best_score


SCORED = st.fixed_dictionaries({"n": st.integers()}, optional={"score": st.integers(-3, 3)})


@given(st.lists(SCORED))
def test_best_score_is_the_first_that_no_other_beats(results: list[dict[str, int]]) -> None:
    best = reduce_results(results, "best_score")
    if not results:
        assert best is None
        return
    scores = [result.get("score", 0) for result in results]
    assert best == results[scores.index(max(scores))]


@pytest.mark.parametrize("score", [None, "9", True, math.nan, [9], {}])
def test_a_score_that_is_no_number_counts_as_none(score: object) -> None:
    odd = {"score": score}
    assert reduce_results([odd, {"score": 0.5}], "best_score") == {"score": 0.5}
    assert reduce_results([{"score": 0.5}, odd], "best_score") == {"score": 0.5}
    assert reduce_results([{"score": -1}, odd], "best_score") is not odd
    assert set(reduce_results([{"score": -1}, {"n": 1}], "best_score")) == {"n"}


def test_best_score_takes_numbers_of_all_sizes_under_any_key() -> None:
    results = [{"s": 1e308}, {"s": 10**308 * 9}, {"s": -math.inf}]
    assert reduce_results(results, "best_score", score_key="s") == {"s": 10**308 * 9}


def test_best_score_passes_over_what_is_no_object_unless_there_is_nothing_else() -> None:
    assert reduce_results(["text", {"score": -1}, None], "best_score") == {"score": -1}
    assert reduce_results(["text", None], "best_score") == "text"


# merge_all


def test_merge_all_appends_values_and_joins_lists() -> None:
    assert reduce_results([{"found": 0}, {"found": 10}], "merge_all") == {"found": [0, 10]}
    assert reduce_results([{"a": [1]}, {"a": 2, "b": [[3]]}, {"a": []}], "merge_all") == {
        "a": [1, 2],
        "b": [[3]],
    }


@given(RESULTS)
def test_merge_all_keeps_every_value_once_and_in_order(results: list[Any]) -> None:
    objects = [result for result in results if isinstance(result, dict)]
    merged = reduce_results(results, "merge_all")
    if not objects:
        assert merged is None
        return
    assert list(merged) == list(dict.fromkeys(key for result in objects for key in result))
    for key, values in merged.items():
        held = [result[key] for result in objects if key in result]
        flat = [item for value in held for item in (value if isinstance(value, list) else [value])]
        assert _text(values) == _text(flat), key


# majority_vote


@given(BALLOTS)
def test_majority_vote_is_the_first_result_of_a_vote_that_no_other_outnumbers(
    results: list[Any],
) -> None:
    winner = reduce_results(results, "majority_vote")
    voters = [result for result in results if isinstance(result, dict) and "decision" in result]
    if not voters:
        assert winner == (results[0] if results else None)
        return
    votes = [_text(voter["decision"]) for voter in voters]
    most = max(votes.count(vote) for vote in votes)
    first = next(index for index, vote in enumerate(votes) if votes.count(vote) == most)
    assert _text(winner) == _text(voters[first]), f"votes {votes}"


def test_majority_vote_counts_one_and_one_point_nought_together_and_true_apart() -> None:
    results = [{"v": True, "n": 0}, {"v": 1, "n": 1}, {"v": 1.0, "n": 2}]
    assert reduce_results(results, "majority_vote", vote_key="v") == {"v": 1, "n": 1}


def test_majority_vote_does_not_mind_the_order_of_keys() -> None:
    results = [{"decision": 0}, {"decision": {"a": 1, "b": [2]}}, {"decision": {"b": [2], "a": 1}}]
    assert reduce_results(results, "majority_vote") == {"decision": {"a": 1, "b": [2]}}


# The coordinator.


@pytest.fixture
def board(tmp_path: Path) -> TaskBoard:
    return TaskBoard(tmp_path / "board", durability="kill")


def _work(board: TaskBoard, handler: Callable[[Task], Any], tasks_max: int = 1000) -> None:
    agent = SwarmAgent("a0", board, handlers=dict.fromkeys(TaskType, handler))
    for _ in range(tasks_max):
        if agent.work_cycle() is None:
            return


def test_the_signatures_are_those_that_callers_use() -> None:
    reduce = inspect.signature(SwarmCoordinator.reduce).parameters
    assert list(reduce) == ["self", "parent_id", "strategy", "kwargs"]
    assert reduce["strategy"].default == "merge_all"
    map_ = inspect.signature(SwarmCoordinator.map).parameters
    assert list(map_) == ["self", "task_type", "description", "subtask_payloads", "priority"]
    assert map_["priority"].default == 5


def test_map_posts_one_subtask_for_each_payload_in_order(board: TaskBoard) -> None:
    payloads = [{"n": n, "parent_id": "theirs"} for n in range(12)]
    before = copy.deepcopy(payloads)
    parent_id = SwarmCoordinator(board).map(TaskType.PARALLEL_SEARCH, "find", payloads, priority=2)
    assert payloads == before, "the caller's payloads must not be changed"
    posted = board.list_all()
    assert [task.task_id for task in posted] == [f"{parent_id}-sub-{n}" for n in range(12)]
    mapped = [{"n": n, "parent_id": parent_id} for n in range(12)]
    assert [task.payload for task in posted] == mapped
    assert [task.description for task in posted][::11] == ["find (part 1/12)", "find (part 12/12)"]
    assert {(task.priority, task.task_type) for task in posted} == {(2, "PARALLEL_SEARCH")}


@pytest.mark.parametrize("bad", [{"a": math.nan}, {"a": {1}}, {1: "a"}, [], None, "text"])
def test_map_posts_nothing_where_one_payload_is_bad(board: TaskBoard, bad: Any) -> None:
    with pytest.raises(InvalidTaskError):
        SwarmCoordinator(board).map(TaskType.CODE_ANALYSIS, "look", [{"a": 1}, {"a": 2}, bad])
    assert board.list_all() == []


def test_mapreduce_posts_nothing_where_the_strategy_cannot_be_made(board: TaskBoard) -> None:
    with pytest.raises(TypeError, match="vote_key"):
        SwarmCoordinator(board).mapreduce("T", "", [{}], "best_score", vote_key="x")
    assert board.list_all() == []


def test_any_coordinator_reduces_what_agents_completed_so_far(board: TaskBoard) -> None:
    first = SwarmCoordinator(board)
    parent_id = first.mapreduce(TaskType.PARALLEL_SEARCH, "", [{"n": n} for n in range(11)])
    other = SwarmCoordinator(TaskBoard(board.storage_path))
    assert other.reduce(parent_id) is None
    _work(board, lambda task: {"found": task.payload["n"], "score": -task.payload["n"]}, 3)
    assert other.reduce(parent_id) == {"found": [0, 1, 2], "score": [0, -1, -2]}
    _work(board, lambda task: {"found": task.payload["n"], "score": task.payload["n"]})
    assert other.reduce(parent_id)["found"] == list(range(11))
    assert other.reduce(parent_id, "best_score", score_key="score")["found"] == 10
    assert other.reduce(parent_id, "no such strategy") == {"found": 0, "score": 0}
    assert other.reduce("parent-of-nothing") is None


def test_progress_counts_every_state_once(board: TaskBoard) -> None:
    coordinator = SwarmCoordinator(board)
    coordinator.map(TaskType.CODE_ANALYSIS, "another's", [{}])
    parent_id = coordinator.map(TaskType.CODE_ANALYSIS, "", [{}] * 6, priority=1)
    held = [board.claim_next("a0") for _ in range(5)]
    ids = [task.task_id for task in held if task is not None]
    done = [
        board.start(ids[1]),
        board.complete(ids[2], 1),
        board.fail(ids[3], "no"),
        board.cancel(ids[4]),
    ]
    assert done == [True] * 4, done
    assert coordinator.get_progress(parent_id) == {
        "parent_id": parent_id,
        "total": 6,
        "completed": 1,
        "failed": 1,
        "pending": 1,
        "in_progress": 2,
        "progress_pct": 1 / 6 * 100,
        "is_complete": False,
    }


def test_progress_of_all_done_is_complete_and_of_nothing_is_not(board: TaskBoard) -> None:
    coordinator = SwarmCoordinator(board)
    parent_id = coordinator.map(TaskType.CODE_ANALYSIS, "", [{}] * 3)
    _work(board, lambda task: None)
    progress = coordinator.get_progress(parent_id)
    assert (progress["progress_pct"], progress["is_complete"]) == (100.0, True), progress
    for nothing in ("parent-of-nothing", coordinator.map(TaskType.CODE_ANALYSIS, "", [])):
        progress = coordinator.get_progress(nothing)
        assert (progress["progress_pct"], progress["is_complete"]) == (0.0, False), progress


@settings(max_examples=20)
@given(st.integers(0, 5), st.integers(0, 5))
def test_progress_is_the_share_of_the_completed(done: int, left: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        board = TaskBoard(directory, durability="kill")
        parent_id = SwarmCoordinator(board).map(TaskType.CODE_ANALYSIS, "", [{}] * (done + left))
        _work(board, lambda task: {}, done)
        progress = SwarmCoordinator(board).get_progress(parent_id)
    expected = done / (done + left) * 100 if done + left else 0.0
    assert progress["progress_pct"] == expected, progress
    assert progress["is_complete"] is (left == 0 and done > 0), progress
