"""What a night takes for one bug stands together, and nothing of it is hidden."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import InMemoryExampleDatabase

from proofs.exit_code import ExitCode
from proofs.harness.counterexample import load, save
from proofs.harness.gates import Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.night.bugs import by_bug, cause_of, overtaken
from proofs.night.database import database_of
from proofs.night.found import Found, Met
from proofs.night.kept import large, left, may_be_of, unreadable
from proofs.night.known import Known
from proofs.night.morning import Finding, Standing
from proofs.night.night import _Leading
from proofs.night.records import Records, record_of
from proofs.night.replays import LEFT, REPLAYS
from proofs.night.stage import Stage
from proofs.night.tally import Tally
from proofs.night.told import lines
from proofs.night.until import Until
from proofs.nights import NO_LOCK, found_as
from proofs.proving import OUR_BOARD
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


def test_of_one_bug_are_those_in_which_the_same_operation_is_overtaken() -> None:
    assert cause("no_lock") == cause("two_locks") == cause("lock_file_unlinked") == "claim_next"
    assert cause("post_overwrites") == "post" and cause("read_before_the_lock") == "complete"
    assert cause("listing_misses_a_moved_file") == "list_all"


def test_who_waits_for_a_lock_or_has_answered_is_not_overtaken() -> None:
    begun = ["a1: call claim", "a1: open r t1.json"]
    other = ["a2: call cancel", "a2: replace x -> t1.json"]
    goes_on = ["a1: replace y -> t1.json", "a1: call get"]
    assert overtaken([*begun, *other, *goes_on]) == "claim"
    assert overtaken([*begun, "a1: flock exclusive lock (waits)", *other, *goes_on]) == ""
    stopped = "a1: SIGSTOP for 9 s before close t1.json (waits)"
    assert overtaken([*begun, stopped, *other, *goes_on]) == "claim"
    assert overtaken([*begun, *other, "a1: call get", "a1: stat ."]) == ""
    assert overtaken(["a1: mkdir .", *other, *goes_on]) == "open"
    assert overtaken(["a1: call fail", "a1.1: write x", *goes_on]) == ""
    assert overtaken([]) == ""


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
    later = replace(fault, when="after")
    assert cause_of(replace(one, scenario=replace(one.scenario, faults=(later,)))) == cause_of(one)
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


def test_a_bug_is_told_by_what_is_new_and_short_and_names_all_others(tmp_path: Path) -> None:
    long = load(kept("no_lock"))
    more = replace(long, invariant="S2", trace=(*long.trace, *long.trace))
    found = [
        finding(save(more, tmp_path), "new", "S2"),
        finding(kept("no_lock"), "still"),
        finding(kept("two_locks"), "new", "S14"),
        finding(kept("shared_lock"), "known"),
        finding(tmp_path / "soak-S2.txt", "new", "S2"),
        finding(tmp_path / "steps.txt", "new", "S9"),
        finding("gone.json", "gone"),
    ]
    told = by_bug(found)
    assert sorted(map(repr, found)) == sorted(repr(replace(one, bug="")) for one in told)
    bugs: dict[str, list[str]] = {}
    for one in told:
        bugs.setdefault(one.bug, []).append(one.name)
    first = kept("two_locks").name
    assert list(bugs) == [first, "steps.txt", "gone.json"]
    names = [first, more.file_name(), kept("no_lock").name, kept("shared_lock").name]
    assert bugs[first] == [*names, "soak-S2.txt"]
    night = replace(ended(ASKED, Tally()), findings=tuple(told))
    printed = "\n".join(lines(night))
    assert "4 new, 1 still, 1 known, 1 gone, as it seems of 2 bugs" in printed
    told_of = ["As it seems the same bug, still, 3 ×:", "  broken"]
    assert "\n".join([*told_of, f"  Replay: pytest {kept('no_lock')}"]) in printed
    assert f"  Read: {tmp_path}/soak-S2.txt" in printed


def test_what_is_laid_to_a_dependency_stands_for_itself() -> None:
    known = replace(finding(kept("no_lock"), "known"), at_fault="dependency", why="reported")
    told = by_bug([known, finding(kept("two_locks"), "new")])
    assert [one.bug for one in told] == [kept("two_locks").name, kept("no_lock").name]


def test_a_path_is_printed_as_a_shell_takes_it(tmp_path: Path) -> None:
    path = save(load(kept("no_lock")), tmp_path / "my folder")
    night = replace(ended(ASKED, Tally()), findings=tuple(by_bug([finding(path)])))
    [line] = [line for line in lines(night) if line.startswith("Replay: ")]
    assert shlex.split(line.removeprefix("Replay: ")) == ["pytest", str(path)]


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
    assert "and 6 more of it: " in printed and "12 new, as it seems of 1 bug\n" in printed
    assert all(path in printed for path in (one.path for one in found))


def test_a_promise_that_an_earlier_night_saw_broken_under_control_is_no_hole_tonight(
    tmp_path: Path,
) -> None:
    """Asked of the leader of a night itself, with its records in a database."""
    asked = replace(ASKED, board=NO_LOCK, database=str(tmp_path / "corpus"))
    asked = replace(asked, counterexamples=tmp_path, known=tmp_path / "none.json")
    soaked = replace(found_as("soaked.txt"), member="soak")

    def blamed() -> list[str]:
        leading = _Leading.of(asked)
        leading.tally.add(soaked)
        found = leading.ended(is_whole=True).findings
        return [one.at_fault for one in found if one.name == soaked.name]

    assert blamed() == ["harness"]
    earlier = record_of(found_as("a.json"), "2026-01-02", "c0ffee", 1)
    Records(database_of(asked.database), NO_LOCK).add(earlier)
    assert blamed() == ["board"]


# Files that are there when a night begins.


def test_only_what_a_night_itself_has_named_is_taken_for_not_made_small(tmp_path: Path) -> None:
    one = replace(load(kept("no_lock")), expect="holds")
    name = one.file_name().removesuffix(".json")
    save(one, tmp_path, f"{name}-found.json")
    save(one, tmp_path, "lost-and-found.json")
    save(replace(one, expect="violated"), tmp_path, "no_lock-S1-01234567-found.json")
    assert [path.name for path in left(NO_LOCK, tmp_path)] == [f"{name}-found.json"]
    [(told, found)] = large(ProvenBoard.named(NO_LOCK), tmp_path).items()
    assert told == f"{name}-found.json" and "not made small yet" in found.words


def test_what_there_is_no_time_to_make_small_is_left_to_the_next_night(tmp_path: Path) -> None:
    one = replace(load(kept("no_lock")), expect="holds")
    folder = tmp_path / "found"
    path = save(one, folder, f"{one.file_name().removesuffix('.json')}-found.json")
    [play] = [member.play for member in REPLAYS if member.name == LEFT]
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        judged = Judged(gates, folder)
        about = (7, judged.corpus, InMemoryExampleDatabase(), folder, (0, 1), (str(path),))
        play(Stage(judged.judge, Until(0.0), *about))
        assert path.exists() and not judged.told
        play(Stage(judged.judge, Until(60.0), *about))
    [found] = judged.found
    assert not path.exists() and judged.names == [found.name]


def test_a_counterexample_that_cannot_be_read_is_told_and_nothing_is_known_to_hold(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.json").write_text("{}")  # says nothing of being one
    os.mkfifo(tmp_path / "pipe.json")
    assert unreadable(tmp_path, {}) == []
    fields = load(kept("no_lock")).to_json()
    changes: list[dict[str, Any]] = [{"version": 2}, {"gates": []}, {"scenario": 3}]
    for number, change in enumerate(changes):
        (tmp_path / f"{number}.json").write_text(json.dumps(fields | change))
    told = unreadable(tmp_path, {})
    assert [Path(one.split()[0]).name for one in told] == ["0.json", "1.json", "2.json"]
    night = replace(ended(ASKED, Tally()), unread=tuple(told))
    assert night.code is ExitCode.UNKNOWN and str(tmp_path / "0.json") in night.line()


@pytest.mark.parametrize(
    ("name", "is_doubtful"), [("a.json", True), ("a history of a soak.txt", False)]
)
def test_what_was_found_and_could_not_be_judged_is_not_taken_for_mended(
    name: str, is_doubtful: bool, tmp_path: Path
) -> None:
    night = replace(ended(ASKED, Tally()), findings=(finding(name, "not judged"),))
    assert (f"not judged: {name}" in night.line()) == is_doubtful
    (tmp_path / name).touch()
    found = finding(name, "not judged")
    assert replace(found, path="").with_file(tmp_path).path == str(tmp_path / name)


def test_an_entry_of_the_list_of_another_board_is_none_of_this_night(tmp_path: Path) -> None:
    entry = Known(kept("no_lock"), "board", "later")
    assert may_be_of(NO_LOCK, entry) and not may_be_of(OUR_BOARD, entry)
    (tmp_path / "torn.json").write_text("{")
    assert may_be_of(OUR_BOARD, Known(tmp_path / "torn.json", "board", "later"))


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
