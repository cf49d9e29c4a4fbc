"""Each kind of damage to a file: a plain value that does what its name says, and harms nobody else.

All kinds are exhausted on our board for each operation, each with its plainest parameters; under
the profile ``proofs-fuzz`` with 100 that are drawn of each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from proofs.file_trees import file_tree
from proofs.harness.beside import beside
from proofs.harness.damaging import do_damage, is_kept
from proofs.harness.misplacing import misplace
from proofs.interpreters import Interpreter
from strategies import (
    DAMAGES,
    HUGE,
    MISPLACEMENTS,
    ODDITIES,
    Damage,
    damaged,
    damages,
    is_damage,
    oddities,
)
from strategies.payloads import ASKED
from swarm.errors import CorruptTaskError
from swarm.task import Task, TaskStatus
from swarm.task_board import TaskBoard

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
EXAMPLES: Final = 100 if IS_DEEP else 1
NOW: Final = 2_000_000_000.0
LONG: Final = 3600.0
NO_DAMAGE: Final = ("a second name out of the board", "an older version", "no permission")
PLAIN: Final = Task("t2", "CODE_ANALYSIS", "x", priority=2, created_at=1.0, payload={"a": 1})
DATA: Final = PLAIN.to_json().encode() + b"\n"
drawing = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@given(st.one_of(damages(["t1.json", ""]), oddities()))
def test_damage_is_a_value_that_comes_back_from_json(damage: Damage) -> None:
    again = Damage.from_json(json.loads(json.dumps(damage.to_json())))
    assert again == damage and hash(again) == hash(damage) and str(again) == str(damage)
    assert eval(repr(damage)) == damage
    assert damaged(damage, DATA) == damaged(again, DATA)


@pytest.mark.parametrize(
    "fields", [{}, {"kind": 1}, {"kind": "cut", "place": 1}, {"kind": "cut", "data": "!"}]
)
def test_what_is_no_damage_is_refused_with_words(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Damage.from_json(fields)


@given(damages())
@settings(max_examples=200)
def test_every_damage_becomes_smaller_until_it_cannot(damage: Damage) -> None:
    for _ in range(200):
        smaller = next(damage.smaller(), None)
        if smaller is None:
            return
        assert smaller.kind == damage.kind and smaller != damage
        damage = smaller
    raise AssertionError(damage)


def test_damage_shrinks_to_the_plainest_that_still_matters() -> None:
    assert find(damages(), lambda damage: True) == Damage("empty")
    inside = find(damages(kinds=["cut", "flipped byte"]), lambda damage: damage.number > 20)
    assert inside == Damage("cut", number=21)
    assert find(damages(kinds=["missing field"]), bool) == Damage("missing field", field="task_id")


def test_damage_to_fields_is_done_to_tasks_alone_and_to_bytes_to_any_file() -> None:
    for kind in DAMAGES:
        if DAMAGES[kind].needs_fields:
            with pytest.raises(ValueError, match="file of a task"):
                damaged(Damage(kind), b"no JSON")
        else:
            for data in (b"", b"\n", b"x", b"\xff\x00", DATA):
                assert isinstance(damaged(Damage(kind, number=7), data), bytes)
    with pytest.raises(ValueError, match="kind must be one of"):
        damaged(Damage("a spell"), DATA)


def test_there_are_kinds_enough() -> None:
    assert len(DAMAGES) + len(HUGE) + len(MISPLACEMENTS) >= 60 and len(ODDITIES) >= 8


@pytest.mark.parametrize("kind", ODDITIES)
def test_what_looks_odd_is_no_damage_and_is_kept_over_every_change(
    kind: str, tmp_path: Path
) -> None:
    odd = damaged(Damage(kind), DATA)
    assert odd != DATA or kind == "no newline at its end"
    assert not is_damage(odd, "t2")
    board = opened(tmp_path / "board")
    (board.storage_path / "t2.json").write_bytes(odd)
    before = json.loads(odd)
    task = board.claim_next("a1")
    assert task is not None and task.task_id == "t2"
    assert board.complete("t2", 1, token=task.token) and board.damaged() == []
    after = json.loads((board.storage_path / "t2.json").read_bytes())
    changed = {"status", "claimed_by", "claimed_at", "result", "token", "attempts", "lease_seconds"}
    assert {n: v for n, v in after.items() if n in before and n not in changed} == {
        n: v for n, v in before.items() if n not in changed
    }


# All kinds, for each operation.


class Clock:
    """A clock that we own."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def opened(storage: Path, clock: Callable[[], float] = Clock()) -> TaskBoard:  # noqa: B008
    return TaskBoard(storage, clock=clock, durability="kill", quarantine_after_seconds=60)


def work(board: TaskBoard, clock: Clock) -> list[Any]:
    """Every operation on tasks beside t2, and every listing: what each of them answered."""
    answers: list[Any] = []

    def look() -> None:
        listings: list[Callable[[], list[Task]]] = [
            board.list_all,
            board.get_pending,
            board.get_claimable,
            lambda: board.get_by_type("CODE_ANALYSIS"),
        ]
        answers.extend(shown(listing()) for listing in listings)
        answers.append(board.get_results_by_parent("p"))

    def granted() -> tuple[str, int] | None:
        task = board.claim_next("a1")
        return None if task is None else (task.task_id, task.attempts)

    look()
    answers.append(granted())
    answers += [board.start("t1"), board.renew("t1"), board.complete("t1", {"n": 1})]
    answers += [board.claim("t3", "a2"), board.fail("t3", "why", retry=True), granted()]
    answers += [board.fail("t3", "why"), board.requeue("t3"), board.claim("t3", "a3")]
    answers += [board.release("t3"), board.cancel("t3"), board.requeue("t3"), granted()]
    look()
    board.post(Task("t4", "CODE_ANALYSIS", "", created_at=NOW, payload={"parent_id": "p"}))
    answers += [granted(), granted(), granted()]
    clock.now += LONG
    answers += [granted(), granted(), granted(), board.complete("t4", {"n": 4})]
    look()
    answers += [board.prune(), granted()]
    look()
    return answers


def shown(tasks: list[Task]) -> list[tuple[str, TaskStatus, str | None]]:
    return [(task.task_id, task.status, task.claimed_by) for task in tasks if task.task_id != "t2"]


def worked_on(storage: Path, damage: Damage | None) -> tuple[list[Any], TaskBoard]:
    """What came of all operations on a board whose t2 was damaged, or is not there."""
    clock = Clock()
    board = opened(storage, clock)
    for number in (1, 3):
        payload = {"parent_id": "p"}
        board.post(Task(f"t{number}", "CODE_ANALYSIS", "", created_at=NOW, payload=payload))
    if damage is not None:
        (storage / "t2.json").write_bytes(DATA)
        done = do_damage(damage, storage, ["t1", "t2", "t3"])
        assert done is not None and done.tasks == {"t2"}
        for path in storage.glob("[tT]2.json"):
            os.utime(path, (NOW, NOW), follow_symlinks=False)
        outside = file_tree(beside(storage)) if beside(storage).exists() else None
        answers = work(board, clock)
        assert is_kept(done, storage), damage
        assert outside is None or file_tree(beside(storage)) == outside, "outside was touched"
    else:
        answers = work(board, clock)
    return answers, board


@pytest.fixture(scope="module")
def as_if_nothing_were_there(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return worked_on(tmp_path_factory.mktemp("sound") / "board", None)[0]


@pytest.mark.parametrize("kind", [*DAMAGES, *HUGE, *MISPLACEMENTS])
def test_every_operation_works_as_if_the_damaged_file_were_not_there(
    kind: str, as_if_nothing_were_there: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After an hour the damage is in quarantine, where a person finds all that was left of it."""
    if kind in NO_DAMAGE:
        pytest.skip("not applicable: this is no damage, and proved below")
    if kind == "a name in another normal form":
        pytest.skip("not applicable: t2 has no other form; proved below")

    def check(damage: Damage) -> None:
        if kind in ASKED and not is_damage(damaged(damage, DATA), "t2"):
            return
        storage = tmp_path_factory.mktemp("damage") / "board"
        answers, board = worked_on(storage, damage)
        assert answers == as_if_nothing_were_there
        [kept] = board.quarantined()
        assert kept.task_id in ("t2", "T2") and kept.reason and board.damaged() == []

    plain = Damage(kind, "t2.json", number=20)
    check(plain)
    if IS_DEEP and kind in DAMAGES:
        drawing(given(damages(["t2.json"], [kind]))(check))()


def test_a_name_in_another_normal_form_is_another_name_of_no_task(tmp_path: Path) -> None:
    board = opened(tmp_path / "board")
    board.post(Task("t\u00e2che", "CODE_ANALYSIS", ""))
    path = board.storage_path / "t\u00e2che.json"
    data = path.read_bytes()
    misplace("a name in another normal form", path, beside(board.storage_path))
    if path.exists():
        pytest.skip("not applicable: this file system takes both forms for one name")
    assert board.get("t\u00e2che") is None and board.list_all() == []
    with pytest.raises(CorruptTaskError, match="its task_id is"):
        board.get("ta\u0302che")
    assert board.claim_next("a1") is None
    assert [path.read_bytes() for path in board.storage_path.glob("*.json")] == [data]


def test_a_second_name_of_a_file_out_of_the_board_keeps_what_it_shows(tmp_path: Path) -> None:
    board = opened(tmp_path / "board")
    board.post(PLAIN)
    path = board.storage_path / "t2.json"
    data = path.read_bytes()
    misplace("a second name out of the board", path, beside(board.storage_path))
    task = board.claim_next("a1")
    assert task is not None and board.complete("t2", 1, token=task.token)
    assert board.prune() == ["t2"]
    assert (beside(board.storage_path) / "t2.json").read_bytes() == data


@pytest.mark.parametrize("ends", [False, True])
def test_an_older_version_put_back_is_the_task_and_its_next_token_is_larger(
    tmp_path: Path, ends: bool
) -> None:
    board = opened(tmp_path / "board")
    board.post(PLAIN)
    path = board.storage_path / "t2.json"
    older = path.read_bytes()
    first = board.claim_next("a1")
    assert first is not None
    if ends:
        assert board.complete("t2", 1, token=first.token)
    misplace("an older version", path, beside(board.storage_path), older)
    assert not board.complete("t2", 2, token=first.token), "its token is not the file's"
    again = board.claim_next("a2")
    assert again is not None and again.token > first.token
    assert not board.complete("t2", 2, token=first.token)
    assert board.complete("t2", 3, token=again.token)


# What takes all memory, or all time.

WITH_LITTLE_MEMORY: Final = """
import resource, sys
from swarm.errors import CorruptTaskError
from swarm.task_board import TaskBoard

board = TaskBoard(sys.argv[1], durability="kill", quarantine_after_seconds=60)
kilobytes = int(open("/proc/self/status").read().split("VmSize:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_AS, (kilobytes * 1024 + 2**27,) * 2)
for number in range(int(sys.argv[2])):
    try:
        board.get(f"bad{number}")
    except CorruptTaskError:
        print("damaged")
print(len(board.list_all()), len(board.damaged()), board.claim_next("a1").task_id)
print(board.claim_next("a1"), len(board.quarantined()))
"""


def test_no_file_takes_the_memory_of_an_agent(tmp_path: Path) -> None:
    """128 MiB beyond those of an idle agent are enough for whatever lies there."""
    if not Path("/proc/self/status").exists():
        pytest.skip("not applicable: this system does not tell the size of a process")
    board = opened(tmp_path)
    board.post(Task("t1", "CODE_ANALYSIS", ""))
    huge = ["a string of 50 MB", "deep lists", "deep objects", "thousands of digits", "UTF-32"]
    for number, kind in enumerate(huge):
        path = tmp_path / f"bad{number}.json"
        path.write_bytes(damaged(Damage(kind, number=100_000), DATA))
        os.utime(path, (0, 0))
    with Interpreter(WITH_LITTLE_MEMORY, tmp_path, str(len(huge))) as agent:
        assert [agent.line() for _ in huge] == ["damaged"] * len(huge)
        assert agent.line() == f"1 {len(huge)} t1"
        assert agent.line() == f"None {len(huge)}"
