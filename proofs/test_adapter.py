"""Boards that were not written for us are asked as they can be, and understood as they mean it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from proofs.harness.adapter import Answer, BoardAdapter, LacksOperationError
from proofs.harness.answers import UnfitBoardError
from proofs.harness.checkers import Promises
from proofs.harness.execution import Execution, run
from proofs.harness.proven_board import ProvenBoard
from strategies.programs import PARENT, Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task


class Plain:
    """A board in memory; what a test needs more is in a subclass."""

    answer: ClassVar[Any] = None

    def __init__(self, storage_path: str = "") -> None:
        self.calls: list[tuple[str, Any]] = []

    def post(self, task: Task) -> Any:
        self.calls.append(("post", task))
        return self.answer

    def claim_next(self, agent_id: str) -> Any:
        self.calls.append(("claim_next", agent_id))
        return self.answer

    def claim(self, task_id: str, agent_id: str) -> Any:
        return self.answer


def answering(answer: Any, base: type[Plain] = Plain) -> Plain:
    """A board that answers this, whatever it is asked."""
    board: Plain = type("Answering", (base,), {"answer": answer})()
    return board


def asked(board: Any, ask: Ask, agent: str = "a1") -> Answer:
    """What comes of one call."""
    adapter = BoardAdapter(board, agent)
    arguments = adapter.arguments(ask)
    assert arguments is not None
    return adapter.call(ask, arguments)


class Object:
    """A task of the board's own kind."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    "answer",
    [
        "t1",
        Object(task_id="t1", token=None),
        {"task_id": "t1"},
        {"id": "t1", "token": "not a number"},
    ],
)
def test_a_granted_task_is_an_object_or_a_dict_or_an_id(answer: Any) -> None:
    granted = Answer(True, {"task_id": "t1", "token": None})
    assert asked(answering(answer), Ask("claim_next")) == granted


def test_the_token_of_a_granted_task_is_the_grants() -> None:
    for answer in (Object(task_id="t1", token=7), {"task_id": "t1", "token": 7}):
        granted = Answer(True, {"task_id": "t1", "token": 7})
        assert asked(answering(answer), Ask("claim_next")) == granted
        assert asked(answering(answer), Ask("claim", "t1")) == granted


@pytest.mark.parametrize("answer", [False, 7, ["t1"], "", {}, {"task_id": 3}])
def test_a_claim_next_that_answers_none_of_these_is_a_fault_of_the_set_up(answer: Any) -> None:
    with pytest.raises(UnfitBoardError, match=r"claim_next must answer a task, .* got "):
        asked(answering(answer), Ask("claim_next"))


def test_a_claim_is_granted_by_any_truthy_answer() -> None:
    yes: list[Any] = [True, 1, "yes", Object()]
    for answer in yes:
        assert asked(answering(answer), Ask("claim", "t1")).done
    no: list[Any] = [False, None, 0]
    for answer in no:
        assert not asked(answering(answer), Ask("claim", "t1")).done


class Shown(Plain):
    """Shows whose the task is; its ``complete`` takes a token."""

    answer = True
    holder = "a1"
    error: ClassVar[Exception | None] = None

    def get(self, task_id: str) -> Any:
        if self.error:
            raise self.error
        return {"task_id": task_id, "status": "CLAIMED", "claimed_by": self.holder, "token": 4}

    def complete(self, task_id: str, result: Any, token: int | None = None) -> bool:
        self.calls.append(("complete", token))
        return True

    def release(self, task_id: str) -> bool:
        self.calls.append(("release", None))
        return True

    def renew(self, task_id: str, **options: Any) -> bool:
        self.calls.append(("renew", options))
        return True


def test_the_token_is_read_where_the_board_says_that_the_caller_holds_the_task() -> None:
    assert asked(Shown(), Ask("claim", "t1"), "a1").value["token"] == 4
    assert asked(Shown(), Ask("claim", "t1"), "a2").value["token"] is None
    assert asked(answering("t1", Shown), Ask("claim_next"), "a1").value["token"] == 4


def test_a_look_for_the_token_that_fails_does_not_undo_the_grant() -> None:
    board = Shown()
    type(board).error = OSError("gone")
    try:
        assert asked(board, Ask("claim", "t1")) == Answer(True, {"task_id": "t1", "token": None})
    finally:
        type(board).error = None


def test_a_token_is_passed_and_recorded_only_where_the_method_names_it() -> None:
    board = Shown()
    adapter = BoardAdapter(board, "a1")
    adapter.call(Ask("claim", "t1"), {"task_id": "t1"})
    for name, token in (("complete", 4), ("release", None), ("renew", None), ("cancel", None)):
        assert adapter.arguments(Ask(name)) == {"task_id": "t1", "token": token}
    for name in ("complete", "release", "renew"):
        adapter.call(Ask(name), adapter.arguments(Ask(name)) or {})
    assert board.calls == [("complete", 4), ("release", None), ("renew", {})]


class Able(Plain):
    answer = "t1"

    def claim_next(self, agent_id: str, capabilities: Any = None) -> Any:
        self.calls.append(("claim_next", capabilities))
        return self.answer


def test_capabilities_are_told_only_to_who_names_them() -> None:
    only = Ask("claim_next", types=("CODE_ANALYSIS",))
    board = Able()
    assert asked(board, only).done
    assert board.calls == [("claim_next", ["CODE_ANALYSIS"])]
    plain = answering("t1")
    with pytest.raises(LacksOperationError, match=r"^claim_next\(capabilities\)$"):
        asked(plain, only)
    assert plain.calls == []


class Strange(Plain):
    """Methods of other kinds than ours."""

    cancel = None

    def fail(self, task_id: str, error: str) -> bool:
        return True

    def complete(self, task_id: str) -> bool:
        raise AssertionError("must not be called so")

    def start(self, task_id: str) -> bool:
        raise NotImplementedError

    def renew(self, task_id: str) -> bool:
        return None + 1  # type: ignore[operator, return-value]


@pytest.mark.parametrize("name", ["cancel", "retry", "complete", "start", "requeue"])
def test_a_method_that_is_missing_or_takes_less_is_lacking(name: str) -> None:
    with pytest.raises(LacksOperationError, match=f"^{name}$"):
        asked(Strange(), Ask(name, "t1"))


def test_an_error_within_a_method_is_the_boards() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        asked(Strange(), Ask("renew", "t1"))


class Listing(Plain):
    def change(self, *_: Any) -> Any:
        return self.answer

    start = list_all = prune = get_results_by_parent = change


def test_listings_may_hold_objects_dicts_and_ids() -> None:
    shown = [Object(task_id="t1", status="PENDING"), {"id": "t2"}, "t3"]
    for answer in (shown, tuple(shown), iter(shown), dict(enumerate(shown))):
        listed = asked(answering(answer, Listing), Ask("list_all")).value
        assert [task["task_id"] for task in listed] == ["t1", "t2", "t3"]
        assert [task["status"] for task in listed] == ["PENDING", None, None]


def test_a_prune_tells_ids_or_nothing_of_them() -> None:
    assert asked(answering(["t1"], Listing), Ask("prune")) == Answer(True, ["t1"])
    for answer in (None, 3, True):
        assert asked(answering(answer, Listing), Ask("prune")) == Answer(True, None)


def test_results_tell_of_their_tasks() -> None:
    result = {"by": "a1", "of": "t1"}
    told = [{"task_id": "t1", "status": "COMPLETED", "result": result}]
    answer = asked(answering([result], Listing), Ask("get_results_by_parent"))
    assert answer == Answer(True, told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("start", None),
        ("list_all", None),
        ("list_all", "t1"),
        ("list_all", [3]),
        ("prune", "t1"),
        ("prune", [None]),
        ("get_results_by_parent", [{"error": "failed by a1"}]),
    ],
)
def test_what_cannot_be_understood_names_what_was_got(name: str, answer: Any) -> None:
    with pytest.raises(UnfitBoardError, match=f"^{name} must answer .*, got "):
        asked(answering(answer, Listing), Ask(name, "t1" if name == "start" else None))


def test_each_task_has_a_parent_and_each_result_names_its_task() -> None:
    board = Plain()
    assert BoardAdapter(board, "a1").post(PostedTask("t1"))
    assert board.calls[0][1].payload == {"parent_id": PARENT}
    assert not BoardAdapter(answering(False), "a1").post(PostedTask("t1"))


def ran(board: type[Plain], root: Path, *asks: Ask) -> Execution:
    """What one agent was told."""
    return run(Scenario((PostedTask("t1"),), (("a1", asks),)), board, root / "board")


@pytest.mark.usefixtures("doors")
def test_a_run_tells_what_the_board_lacks_and_goes_on(tmp_path: Path) -> None:
    only = Ask("claim_next", types=("CODE_ANALYSIS",))
    made = ran(Plain, tmp_path, only, Ask("renew", "t1"), Ask("claim_next"))
    assert made.lacking == {"claim_next(capabilities)", "renew"}
    assert [(o.name, o.outcome) for o in made.history.operations] == [("claim_next", "refused")]


class Misunderstood(Plain):
    def claim_next(self, agent_id: str) -> Any:
        return 7


class WithoutPost(Plain):
    post = None  # type: ignore[assignment]


class Full(Plain):
    answer = False


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (Misunderstood, "claim_next must answer a task, .*, got 7"),
        (WithoutPost, r"board must have post\(task\), and it has none"),
        (Full, "post must put t1 on an empty board, got False"),
    ],
)
@pytest.mark.usefixtures("doors")
def test_a_board_that_is_used_wrongly_ends_the_run_as_a_fault_of_the_set_up(
    board: type[Plain], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UnfitBoardError, match=words):
        ran(board, tmp_path, Ask("claim_next"))


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ((), "has none of the methods that are known"),
        (("claim", "get", "fail"), "has claim, fail, get"),
        (("post", "list_all"), "has post, list_all"),
    ],
)
def test_a_board_without_what_is_needed_is_told_what_it_has(
    methods: tuple[str, ...], told: str
) -> None:
    def opens(path: str) -> Any:
        return SimpleNamespace(**dict.fromkeys(methods, print))

    board = ProvenBoard("boards:Lacking", opens, Promises())
    with pytest.raises(UnfitBoardError, match=f"must have post and claim or claim_next, {told}$"):
        board.asks  # noqa: B018
