"""Damage in scenarios: done before the agents start, the same at both gates, and judged by S12."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from proofs.broken_boards import (
    corrupt_deleted,
    corrupt_stops_the_board,
    inner_id_trusted,
    path_traversal,
)
from proofs.broken_boards.base import LockAndScan, SkipsDamage
from proofs.harness.checkers import Promises, check
from proofs.harness.checkers.containment import undamaged
from proofs.harness.conviction import convict, counterexample_of
from proofs.harness.execution import Execution, run
from proofs.harness.gates import GATES, Gates
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import violations
from proofs.planted_bugs import name_of, smallest
from proofs.proving import OUR_BOARD
from proofs.safe_boards import damage_put_aside, damage_skipped
from strategies import (
    DAMAGES,
    ODDITIES,
    Ask,
    Damage,
    PostedTask,
    Scenario,
    damaged_scenarios,
    scenarios,
)
from strategies.misplacements import DRAWN, DRAWN_FOR_OURS, NO_DAMAGE
from swarm.errors import CorruptTaskError
from swarm.task import Task

pytestmark = pytest.mark.usefixtures("doors")

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
BASIC = ("claim_next", "claim", "complete", "release", "post", "get", "list_all", "advance")
TASKS = (PostedTask("t1"), PostedTask("t2"))
CUT = Damage("cut", "t1.json", number=9)
POLLS = (Ask("claim_next"), Ask("claim_next"), Ask("list_all"))
SCENARIO = Scenario(TASKS, (("a1", POLLS), ("a2", POLLS)), damage=(CUT,))
PROMISES = Promises(attempts_max=None)


def verdicts(execution: Execution, promises: Promises = PROMISES) -> dict[str, str]:
    return {one.invariant: one.value for one in check(execution, promises)}


@given(damaged_scenarios(scenarios()))
@settings(max_examples=30)
def test_a_scenario_with_damage_comes_back_from_json(scenario: Scenario) -> None:
    assert scenario.damage
    assert Scenario.from_json(json.loads(json.dumps(scenario.to_json()))) == scenario


def test_the_same_damage_is_the_same_execution_at_both_gates(tmp_path: Path) -> None:
    with Gates(ProvenBoard.named(OUR_BOARD), tmp_path / "board") as gates:
        for kind in ("cut", "glued", *DRAWN_FOR_OURS, *ODDITIES):
            scenario = replace(SCENARIO, damage=(replace(CUT, kind=kind),))
            found = gates.run(scenario, "threads", guarded=True)
            is_damage = kind not in (*NO_DAMAGE, *ODDITIES)
            assert [one.is_damage for one in found.damaged] == [is_damage], kind
            assert not found.outside, kind
            for gate in GATES if kind not in ODDITIES else ():  # bytes are bytes at both
                assert found == gates.run(scenario, gate)
            assert verdicts(found)["S12"] == "holds"
            assert "violated" not in verdicts(found).values(), kind
            assert granted(found) == ({"t2"} if is_damage else {"t1", "t2"}), kind


def granted(execution: Execution) -> set[str]:
    """The tasks that somebody was given."""
    grants = (one for one in execution.history.operations if one.name == "claim_next")
    return {one.answer["task_id"] for one in grants if one.outcome == "ok"}


@pytest.mark.parametrize(
    "kind", ["escapes", "another order of fields", "a second name out of the board"]
)
def test_what_only_looks_odd_is_a_task_as_any_other(kind: str, tmp_path: Path) -> None:
    class Particular(SkipsDamage):
        """Takes what it would not have written for damage."""

        def read(self, task_id: str) -> Task | None:
            task = super().read(task_id)
            written = Path(self.file(task_id)).read_bytes() if task else b""
            is_plain = os.path.exists(self.file(task_id)) and os.stat(self.file(task_id)).st_nlink
            if task is not None and (task.to_json().encode() != written.rstrip() or is_plain > 1):
                raise CorruptTaskError(self.file(task_id), "it looks odd")
            return task

    scenario = replace(SCENARIO, damage=(Damage(kind, "t1.json"),))
    found = run(scenario, Particular, tmp_path / "board")
    assert verdicts(found)["S13"] == "violated", verdicts(found)
    found = run(scenario, SkipsDamage, tmp_path / "board")
    assert "violated" not in verdicts(found).values() and granted(found) == {"t1", "t2"}


def test_an_odd_file_may_tell_another_type_and_that_is_what_is_looked_for(tmp_path: Path) -> None:
    look = (Ask("claim_next", types=("CODE_ANALYSIS",)), Ask("claim_next"))
    scenario = Scenario(
        TASKS, (("a1", look),), damage=(Damage("a type beyond the four", "t1.json"),)
    )
    with Gates(ProvenBoard.named(OUR_BOARD), tmp_path / "board") as gates:
        found = gates.run(scenario, "threads")
    assert [one["task_type"] for one in found.history.posted] == ["WEEDING", "CODE_ANALYSIS"]
    answers = [one.answer["task_id"] for one in found.history.operations]
    assert answers == ["t2", "t1"]
    assert "violated" not in verdicts(found).values()


def test_a_name_that_has_no_other_form_stays_what_it_is(tmp_path: Path) -> None:
    scenario = replace(SCENARIO, damage=(Damage("a name in another normal form", "t1.json"),))
    found = run(scenario, SkipsDamage, tmp_path / "board")
    assert [(one.tasks, one.is_damage) for one in found.damaged] == [(frozenset(), False)]
    assert granted(found) == {"t1", "t2"}


@pytest.mark.parametrize("is_ours", [False, True])
def test_damage_to_bytes_and_what_lies_in_its_place_and_looks_odd_is_drawn(is_ours: bool) -> None:
    seen: set[str] = set()

    @settings(max_examples=300, database=None, phases=[Phase.generate], derandomize=True)
    @given(damaged_scenarios(st.just(SCENARIO), is_ours=is_ours))
    def look(scenario: Scenario) -> None:
        seen.update(damage.kind for damage in scenario.damage)

    look()
    assert len(seen & DAMAGES.keys()) > 20
    assert seen - DAMAGES.keys() == {*((*DRAWN_FOR_OURS, *ODDITIES) if is_ours else DRAWN)}


@pytest.mark.parametrize("module", [damage_skipped, damage_put_aside], ids=name_of)
def test_a_safe_board_stands_whatever_lies_in_the_place_of_a_task(
    module: ModuleType, tmp_path: Path
) -> None:
    @settings(max_examples=1_000 if IS_DEEP else 30, deadline=None, database=None)
    @given(damaged_scenarios(scenarios(names=BASIC, agents_max=3)))
    def stands(scenario: Scenario) -> None:
        found = run(scenario, module.Board, tmp_path / "board")
        assert not violations(check(found, Promises.of(module.Board)))

    stands()


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


@pytest.mark.parametrize(
    ("module", "plainest"),
    [
        (corrupt_deleted, Damage("cut", "t1.json", 1)),
        (corrupt_stops_the_board, Damage("empty", "t1.json")),
    ],
    ids=["needs something to lose", "stops at anything"],
)
def test_one_bug_is_one_counterexample_whatever_damage_showed_it(
    module: ModuleType, plainest: Damage, tmp_path: Path
) -> None:
    kinds = {"cut": 57, "glued": 0, "UTF-16": 0, "missing field": 0, "deep lists": 3_000}
    board = f"{module.__name__}:Board"
    names: set[str] = set()
    with Gates(ProvenBoard.named(board), tmp_path / "board") as gates:
        for kind, number in kinds.items():
            damage = Damage(kind, "t1.json", number, field="token" if "field" in kind else "")
            found = gates.run(replace(SCENARIO, damage=(damage,)), "threads")
            small = convict(gates, "threads", found, module.INVARIANT)
            assert small.execution.scenario.damage == (plainest,), kind
            names.add(counterexample_of(small, board, gates.root).file_name())
    assert len(names) == 1, names
