"""What a night takes for one bug stands together, and nothing of it is hidden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proofs.harness.counterexample import load, save
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.night.bugs import by_bug, cause_of
from proofs.night.found import Found, Met
from proofs.night.morning import Finding, Standing
from proofs.night.tally import Tally
from proofs.night.told import lines
from proofs.nights import NO_LOCK
from proofs.reports import kept
from proofs.test_night_portfolio import Judged
from proofs.test_night_verdict import ASKED, ended
from strategies.faults import Fault, stop_for
from strategies.programs import Ask
from strategies.scenarios import Scenario


def finding(path: str | Path, standing: Standing = "new", invariant: str = "S1") -> Finding:
    about = (standing, Path(path).name, str(path), invariant, "broken")
    return Finding(*about, "board", 3, "2026-01-02", "c0ffee")


def cause(board: str) -> str:
    return cause_of(load(kept(board)))


def test_of_one_bug_are_those_in_which_one_file_changes_between_a_look_and_what_follows() -> None:
    assert cause("no_lock") == cause("post_overwrites") == cause("two_locks") == "*.json"
    assert cause("tasks_in_one_file") == "tasks" and cause("exists_then_create") == ".board.lock"
    assert cause("listing_misses_a_moved_file") == "done"


@pytest.mark.parametrize(
    "other", ["no_lock", "lock_leaked_by_a_kill", "corrupt_deleted", "lease_of_nan"]
)
def test_another_fault_or_other_damage_is_another_bug(other: str) -> None:
    assert cause(other) != cause("deleted_on_error") != ""


def test_it_does_not_matter_which_error_it_is_or_whose_task() -> None:
    one = load(kept("deleted_on_error"))
    [fault] = one.scenario.faults
    other = replace(fault, what="EIO", agent="a2", occurrence=2)
    elsewhere = replace(one, scenario=replace(one.scenario, faults=(other,)))
    assert cause_of(elsewhere) == cause_of(one)
    before = replace(fault, what="SIGKILL")
    assert cause_of(replace(one, scenario=replace(one.scenario, faults=(before,)))) != cause_of(one)


def test_who_is_stopped_amid_its_call_is_overtaken_as_well(tmp_path: Path) -> None:
    """What met it meanwhile is told, and it is the same bug as with a preemption."""
    of_one_task = load(kept("no_lock")).scenario.tasks
    stop = Fault("a1", "before", "close t1.json", 1, stop_for(7200.0))
    programs = tuple((agent, (Ask("claim_next"),)) for agent in ("a1", "a2"))
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        judged = Judged(gates, tmp_path / "found")
        judged.judge.examine(Scenario(of_one_task, programs, faults=(stop,)))
    small = [load(judged.folder / name) for name in judged.names]
    assert any(one.scenario.faults for one in small)
    for one in small:
        assert cause_of(one) == cause("no_lock"), one.meets


def test_a_bug_is_told_by_its_shortest_counterexample_and_names_all_others(tmp_path: Path) -> None:
    long = load(kept("no_lock"))
    more = replace(long, invariant="S2", trace=(*long.trace, *long.trace))
    found = [
        finding(save(more, tmp_path), "still", "S2"),
        finding(kept("no_lock"), "still"),
        finding(kept("post_overwrites"), "new", "S6"),
        finding(kept("tasks_in_one_file"), "known", "S6"),
        finding(tmp_path / "soak-S2.txt", "new", "S2"),
        finding(tmp_path / "steps.txt", "new", "S9"),
        finding("gone.json", "gone"),
    ]
    told = by_bug(found)
    assert sorted(map(repr, found)) == sorted(repr(replace(one, bug="")) for one in told)
    bugs: dict[str, list[str]] = {}
    for one in told:
        bugs.setdefault(one.bug, []).append(one.name)
    first = kept("post_overwrites").name
    assert list(bugs) == [first, "steps.txt", kept("tasks_in_one_file").name, "gone.json"]
    assert set(bugs[first]) == {
        *(first, kept("no_lock").name, more.file_name()),
        "soak-S2.txt",
    }
    night = replace(ended(ASKED, Tally()), findings=tuple(told))
    printed = "\n".join(lines(night))
    assert "3 new, 2 still, 1 known, 1 gone, as it seems of 4 bugs" in printed
    assert f"As it seems the same bug, still, 3 ×: {kept('no_lock')}" in printed


def test_where_there_is_no_repository_no_commit_is_told() -> None:
    one = finding(kept("no_lock"))
    for commit, words in (("c0ffee", "on 2026-01-02 at c0ffee"), ("unknown", "on 2026-01-02")):
        found = by_bug([replace(one, first_commit=commit)])
        [line] = [
            line
            for line in lines(replace(ended(ASKED, Tally()), findings=tuple(found)))
            if line.startswith("new, 3 ×")
        ]
        assert line.endswith(f"at fault: the board, first {words}")


def test_many_of_one_bug_do_not_fill_the_screen(tmp_path: Path) -> None:
    one = load(kept("no_lock"))
    found = [
        finding(save(replace(one, invariant=f"S{number}"), tmp_path), invariant=f"S{number}")
        for number in range(12)
    ]
    night = replace(ended(ASKED, Tally()), findings=tuple(by_bug(found)))
    printed = "\n".join(lines(night))
    assert printed.count("As it seems the same bug") == 5
    assert f"and 6 more of it in {tmp_path}" in printed
    assert "12 new, as it seems of 1 bug\n" in printed


def test_a_violation_counts_as_soon_as_it_is_met_and_once(tmp_path: Path) -> None:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        judged = Judged(gates, tmp_path / "found")
        judged.judge.examine(load(kept("no_lock")).scenario)
    met, small = judged.told
    assert isinstance(met, Met) and isinstance(small, Found)
    tally = Tally()
    assert tally.violations == 0
    for one in (met, small, small):
        tally.add(one)
        assert tally.violations == 1
    tally.add(met)
    assert tally.violations == 2, "another one, until it turns out to be the same"
    tally.add(small)
    assert tally.violations == 1 and tally.found[small.name].count == 3
