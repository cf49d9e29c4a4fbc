"""Damage in scenarios: done before the agents start, the same at both gates, and judged by S12."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from proofs.broken_boards import corrupt_deleted, inner_id_trusted, path_traversal
from proofs.broken_boards.base import LockAndScan, SkipsDamage
from proofs.harness.checkers import Promises, check
from proofs.harness.checkers.containment import undamaged
from proofs.harness.execution import Execution, run
from proofs.harness.gates import Gates
from proofs.harness.interception import interception
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.planted_bugs import smallest
from proofs.proving import OUR_BOARD
from strategies import Ask, Damage, PostedTask, Scenario, damaged_scenarios, scenarios

TASKS = (PostedTask("t1"), PostedTask("t2"))
CUT = Damage("cut", "t1.json", number=9)
POLLS = (Ask("claim_next"), Ask("claim_next"), Ask("list_all"))
SCENARIO = Scenario(TASKS, (("a1", POLLS), ("a2", POLLS)), damage=(CUT,))
PROMISES = Promises(attempts_max=None)


@pytest.fixture(autouse=True)
def doors() -> Iterator[None]:
    with interception():
        yield


def verdicts(execution: Execution, promises: Promises = PROMISES) -> dict[str, str]:
    return {one.invariant: one.value for one in check(execution, promises)}


@given(damaged_scenarios(scenarios()))
@settings(max_examples=30)
def test_a_scenario_with_damage_comes_back_from_json(scenario: Scenario) -> None:
    assert scenario.damage
    assert Scenario.from_json(json.loads(json.dumps(scenario.to_json()))) == scenario


def test_the_same_damage_is_the_same_execution_at_both_gates(tmp_path: Path) -> None:
    with Gates(ProvenBoard.named(OUR_BOARD), tmp_path / "board") as gates:
        for kind in ("cut", "glued", "a directory", "a link out of the board", "a link to itself"):
            scenario = replace(SCENARIO, damage=(replace(CUT, kind=kind),))
            found = gates.run(scenario, "threads")
            assert found.damaged and found.damaged[0].is_damage and not found.outside, kind
            assert found == gates.run(scenario, "threads")
            assert found == gates.run(scenario, "processes")
            assert verdicts(found)["S12"] == "holds"
            assert "violated" not in verdicts(found).values()


def test_other_judges_see_nothing_of_a_damaged_task(tmp_path: Path) -> None:
    execution = run(SCENARIO, SkipsDamage, tmp_path / "board")
    seen = undamaged(execution)
    assert [task["task_id"] for task in seen.history.posted] == ["t2"]
    assert [task["task_id"] for task in seen.final or []] == ["t2"]
    assert verdicts(execution)["S0"] == "holds" and verdicts(execution)["S12"] == "holds"


def test_where_nothing_was_damaged_s12_is_not_judged(tmp_path: Path) -> None:
    for damage in ((), (replace(CUT, file="t9.json"),)):
        execution = run(replace(SCENARIO, damage=damage), SkipsDamage, tmp_path / "board")
        assert execution.damaged == ()
        assert verdicts(execution)["S12"] == "not applicable"


def test_a_board_that_does_not_promise_it_is_judged_by_nothing_beside_damage(
    tmp_path: Path,
) -> None:
    execution = run(SCENARIO, LockAndScan, tmp_path / "board")
    assert set(verdicts(execution, Promises.of(LockAndScan)).values()) == {"not applicable"}
    assert verdicts(execution)["S12"] == "violated"


def test_a_file_of_no_format_of_ours_may_be_granted_but_stops_nobody(tmp_path: Path) -> None:
    class Words(SkipsDamage):
        """Writes each task behind a word of its own, that it does not look at."""

        def file(self, task_id: str) -> str:
            return f"{self.path}/{task_id}.task.json"

        def names(self) -> list[str]:
            names = (name for name in super().names() if name.endswith(".task.json"))
            return [f"{name.removesuffix('.task.json')}.json" for name in names]

    scenario = replace(SCENARIO, damage=(Damage("not UTF-8", "t1", data=b"\xff"),))
    execution = run(scenario, Words, tmp_path / "board")
    assert [(one.path, one.tasks, one.is_damage) for one in execution.damaged] == [
        ("t1.task.json", frozenset({"t1"}), False)
    ]
    assert "violated" not in verdicts(execution).values()
    fields = run(replace(SCENARIO, damage=(Damage("missing field", "t1"),)), Words, tmp_path / "b")
    assert fields.damaged, "what it holds is a task in our format, whatever its name"


def test_a_file_of_all_tasks_is_damaged_for_all(tmp_path: Path) -> None:
    class Together(SkipsDamage):
        """Keeps a list of its tasks as well."""

        def post(self, task: object) -> None:
            super().post(task)  # type: ignore[arg-type]
            with open(f"{self.path}/.tasks", "w", encoding="utf-8") as file:
                file.write(" ".join(self.names()))

    scenario = replace(SCENARIO, damage=(Damage("empty", ".tasks"),))
    assert run(scenario, Together, tmp_path / "board").damaged[0].tasks == {"t1", "t2"}


def test_bytes_that_are_gone_and_files_beside_the_board_are_told(tmp_path: Path) -> None:
    deleted = run(smallest(corrupt_deleted), corrupt_deleted.Board, tmp_path / "board")
    assert deleted.lost == deleted.damaged != () and verdicts(deleted)["S12"] == "violated"
    outside = run(smallest(path_traversal), path_traversal.Board, tmp_path / "board")
    assert outside.outside == ("../beside-the-board/outside.json",)
    assert verdicts(outside)["S11"] == "violated"
    assert [path.name for path in tmp_path.iterdir()] == ["board"]


def test_damage_stands_above_the_picture(tmp_path: Path) -> None:
    execution = run(smallest(inner_id_trusted), inner_id_trusted.Board, tmp_path / "board")
    first, _, rest = picture(execution).partition("\n")
    assert first == """damage: t1.json: another task's id ("t2")"""
    assert rest.splitlines()[1:3] == ["     a1", "     claim_next()"]
