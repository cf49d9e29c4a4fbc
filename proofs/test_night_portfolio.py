"""The portfolio: who has a turn, what is drawn in it, and what becomes of what it finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from proofs.harness.conflicts import touches
from proofs.harness.counterexample import load
from proofs.harness.effects import Effect
from proofs.harness.gates import GateName, Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.trace import Step
from proofs.harness.verdict import violated
from proofs.night.corpus import Corpus
from proofs.night.deep import take_in
from proofs.night.found import Found, Met, together
from proofs.night.judge import Judge
from proofs.night.members import PORTFOLIO
from proofs.night.mutated import mutated
from proofs.night.reached import in_both_orders, met, pairs_of
from proofs.night.records import record_of
from proofs.night.schedule import next_fair, seconds_of, slots
from proofs.night.sieve import Sieve, kind_of
from proofs.night.soaks import HOLE, with_holes
from proofs.night.stage import Stage
from proofs.night.swept import swept
from proofs.night.tally import Line, Tally
from proofs.night.until import Until
from proofs.nights import NO_LOCK, found_as
from proofs.planted_bugs import EVERY, board_of, name_of, plain_run
from proofs.reports import kept
from strategies.interleavings import Interleaving
from strategies.scenarios import Scenario, scenarios


def step(agent: str, kind: str, path: str, changes: bool = False) -> Step:
    return Step(agent, Effect(kind, (path,), changes=changes))


def test_pairs_are_counted_by_what_is_done_and_not_by_whom_or_to_which_task() -> None:
    def pairs(*steps: Step) -> set[tuple[str, str]]:
        return pairs_of(touches(steps))

    look, remove = "stat t*.json", "unlink t*.json"
    first = pairs(step("a1", "stat", "t1.json"), step("a2", "unlink", "t1.json", True))
    assert first == {(look, remove)} and (met(first), in_both_orders(first)) == (1, 0)
    assert first == pairs(step("a7", "stat", "t3.json"), step("a1", "unlink", "t3.json", True))
    second = pairs(step("a2", "unlink", "t1.json", True), step("a1", "stat", "t1.json"))
    assert second == {(remove, look)}
    assert (met(first | second), in_both_orders(first | second)) == (1, 1)
    assert not pairs(step("a1", "stat", "t1.json"), step("a1", "unlink", "t1.json", True))
    assert not pairs(step("a1", "stat", "t1.json"), step("a2", "unlink", "t2.json", True))


@settings(max_examples=max(10, settings().max_examples // 5))
@given(st.randoms(use_true_random=False), scenarios(), scenarios())
def test_a_mutated_interleaving_can_be_run(
    chance: random.Random, one: Scenario, other: Scenario
) -> None:
    turns = replace(one, interleaving=Interleaving("turns", turns=(("a1", 3), ("a2", 9))))
    for _ in range(5):
        turns = mutated(chance, turns, other)
        assert replace(turns, interleaving=one.interleaving) == one
        assert Scenario.from_json(turns.to_json()) == turns
        assert all(effects > 0 for _, effects in turns.interleaving.turns)


def test_a_sweep_strikes_each_effect_once(tmp_path: Path) -> None:
    [module] = [one for one in EVERY if name_of(one) == "no_lock"]
    with Gates(board_of(module), tmp_path / "board") as gates:
        trace = plain_run(module, gates, "threads")
    found = list(swept(random.Random(1), trace, "threads", 3600.0))
    assert len(found) == len(trace) and all(one.what != "SIGKILL" for one in found)
    sweeps = [swept(random.Random(seed), trace, "processes", 9.0) for seed in range(60)]
    kills = {one.when for sweep in sweeps for one in sweep if one.what == "SIGKILL"}
    assert kills == {"before", "after", "middle"}


def test_the_first_of_a_kind_is_made_small_and_few_of_the_others() -> None:
    sieve = Sieve()
    due = [number for number in range(1, 300) if sieve.is_due(("S1", "twice"))]
    assert due == [1, 4, 16, 64, 256] and sieve.is_due(("S1", "elsewhere"))


def test_violations_are_of_one_kind_by_what_was_broken_and_what_had_gone_wrong() -> None:
    execution: Any = type("Ran", (), {"trace": [], "scenario": Scenario((), ())})()

    def kind(words: str) -> tuple[str, ...]:
        return kind_of(execution, violated("S1", words))

    assert kind("t1 was granted twice: a1, a2") == kind("t3 was granted twice: a4, a1")
    assert kind("t1 was granted twice: a1, a2") != kind("t1 was lost: a1")


class Judged:
    """A judge of a board without a lock, and what it was told."""

    def __init__(self, gates: Gates, folder: Path) -> None:
        self.told: list[Found | Met] = []
        self.folder = folder
        self.corpus = Corpus(InMemoryExampleDatabase(), NO_LOCK)
        sieve, guard = Sieve(), GuardSchedule()
        self.judge = Judge(
            gates, "threads", folder, self.corpus, set(), sieve, guard, self.told.append
        )

    @property
    def found(self) -> list[Found]:
        return [one for one in self.told if isinstance(one, Found)]

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.json"))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        yield Judged(gates, tmp_path / "found")


def test_a_violation_is_in_a_file_before_it_is_made_small_and_in_one_file_then(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: Any) -> None:
        raise KeyboardInterrupt

    scenario = load(kept("no_lock")).scenario
    with monkeypatch.context() as patch:
        patch.setattr("proofs.night.judge.convict", cut_off)
        with pytest.raises(KeyboardInterrupt):
            judged.judge.examine(scenario)
    [name] = judged.names
    assert name.startswith("no_lock-S1-") and name.endswith("-found.json")
    assert load(judged.folder / name).expect == "holds"
    for _ in range(4):
        judged.judge.examine(scenario)
    [found] = together(judged.found).values()
    assert judged.names == [found.name], "one bug is one file"
    assert (found.count, judged.judge.violations) == (2, 5), "all are counted, two are told of"
    assert found.words.startswith("S1 violated by no_lock") and "stopped before" in found.told
    assert not judged.judge.unknown


def test_only_what_reached_a_pair_in_a_new_order_comes_into_the_corpus(judged: Judged) -> None:
    judged.judge.canary = "R1"  # of which this board is not to be convicted
    judged.judge.examine(load(kept("no_lock")).scenario)
    [entry] = judged.corpus.entries()
    assert entry.pairs == judged.judge.new_pairs != set()
    judged.judge.examine(entry.scenario)
    assert judged.corpus.entries() == [entry] and judged.judge.learned is None


def test_one_bug_found_five_hundred_times_is_one_with_a_count() -> None:
    [one] = together([found_as("a.json"), *[found_as("a.json")] * 499]).values()
    assert one.count == 500


def test_every_member_has_its_turns_at_each_gate_in_each_round() -> None:
    both: tuple[GateName, ...] = ("threads", "processes")
    every = {(one.name, gate) for one in PORTFOLIO for gate in one.gates}
    order = slots(PORTFOLIO, ("threads", "processes"), 7)
    for _ in range(3):
        assert {next(order)[:2] for _ in every} == every
    assert next(slots(PORTFOLIO, both, 7)).seed == 7
    again = [[*islice(slots(PORTFOLIO, both, 7), 60)] for _ in range(2)]
    assert again[0] == again[1]


def test_no_member_has_more_than_its_share_of_the_time_but_one_that_is_alone() -> None:
    members = {one.name: one for one in PORTFOLIO}
    [deep, polling] = members["deep proofs"], members["polling"]
    both: tuple[GateName, ...] = ("threads", "processes")
    tally = Tally()
    tally.lines["deep proofs", "threads"] = Line("deep proofs", "threads", seconds=21.0)
    tally.lines["polling", "threads"] = Line("polling", "threads", seconds=79.0)
    some = {one.name: one for one in (deep, polling)}
    order = slots([deep, polling], both, 1)
    assert {next_fair(order, some, tally).member for _ in range(9)} == {"polling"}
    tally.lines["polling", "threads"].seconds = 90.0
    assert {next_fair(order, some, tally).member for _ in range(9)} == set(some)
    alone = slots([deep], both, 1)
    assert next_fair(alone, {deep.name: deep}, tally).member == "deep proofs"
    assert (seconds_of(deep, 3.0, 3600.0), seconds_of(polling, 3.0, 3600.0)) == (360.0, 3.0)


def test_what_soaks_alone_find_is_laid_to_the_harness() -> None:
    soaked = replace(found_as("soaked.txt"), member="soak")
    assert with_holes({"soaked.txt": soaked}, {})["soaked.txt"].at_fault == "harness"
    both = {"soaked.txt": soaked, "a.json": found_as("a.json")}
    assert with_holes(both, {}) == both
    other = {"soaked.txt": soaked, "a.json": replace(found_as("a.json"), invariant="S2")}
    assert with_holes(other, {})["soaked.txt"].words.endswith(HOLE)


def test_what_an_earlier_night_found_under_control_is_no_hole_in_a_soak() -> None:
    soaked = {"soaked.txt": replace(found_as("soaked.txt"), member="soak")}
    record = record_of(found_as("a.json"), "2026-01-02", "c0ffee", 1)
    assert with_holes(soaked, {record.name: record}) == soaked
    for other in (replace(record, gone="2026-01-03"), replace(record, name="soaked.txt")):
        assert with_holes(soaked, {other.name: other})["soaked.txt"].at_fault == "harness"


def test_each_end_of_a_deep_proof_is_told_as_what_it_is(judged: Judged) -> None:
    printed = (
        "proofs/test_x.py::test_one PASSED [ 1%]\nproofs/test_x.py::test_two[a b] PASSED [ 2%]\n"
        "FAILED proofs/test_x.py::test_a - assert 1\nUNKNOWN proofs/test_x.py::test_b - S1: why\n"
        "ERROR proofs/test_x.py::test_c[d] - KeyError\nVIOLATED proofs/test_x.py::test_d\n"
    )
    stage = Stage(
        judged.judge, Until(1), 7, judged.corpus, InMemoryExampleDatabase(), judged.folder
    )
    take_in(stage, printed, [])
    assert judged.judge.coverage.executions == 2
    assert list(judged.judge.unknown) == ["test_x.py::test_b: S1: why"]
    told = [(one.words, one.at_fault) for one in judged.found]
    assert told == [
        ("test_x.py::test_a: assert 1", "board"),
        ("test_x.py::test_c[d]: KeyError", "harness"),
        ("test_x.py::test_d", "board"),
    ]
    assert "--proofs-seed 7" in Path(judged.found[0].path).read_text()
