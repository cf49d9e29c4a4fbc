"""Deep proofs in a night: each has its turn in time, and what is cut off is told as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from proofs.harness.gates import Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.proven_board import ProvenBoard
from proofs.night import deep
from proofs.night.asked import Asked
from proofs.night.corpus import Corpus
from proofs.night.deep import FILES, NOT_PLAYED, deep_turn
from proofs.night.judge import Judge
from proofs.night.shelf import to_bytes
from proofs.night.sieve import Sieve
from proofs.night.stage import Stage
from proofs.night.tally import Tally
from proofs.night.told import lines
from proofs.night.tried import SECONDS_MIN, Tried, Turns, chosen
from proofs.night.turn import Brought, Turn
from proofs.night.until import Until
from proofs.night.verdict import Night
from proofs.proving import OUR_BOARD

PLACE = Path(__file__).parent
SOON = (
    "test_power_loss.py::test_each_operation_lasts_up_to_the_weakest_model_that_the_docs_name[post]"
)
LONG = "test_any_board.py::test_all_promises_hold_whatever_agents_ask[threads]"


@pytest.fixture
def database(tmp_path: Path) -> ExampleDatabase:
    return DirectoryBasedExampleDatabase(tmp_path / "corpus")


@pytest.fixture
def stage(tmp_path: Path, database: ExampleDatabase) -> Iterator[Stage]:
    """A turn on our board; nobody opens the gates."""
    corpus, gates = Corpus(database, OUR_BOARD), Gates(ProvenBoard.named(OUR_BOARD), tmp_path / "b")
    found, sieve, guard, told = tmp_path / "found", Sieve(), GuardSchedule(), list[object]()
    judge = Judge(gates, "threads", found, corpus, set(), sieve, guard, told.append)
    yield Stage(judge, Until(300.0), 7, corpus, database, found)
    assert told == [] and judge.fault is None and not judge.unknown


def test_each_has_its_turn_before_one_has_another() -> None:
    tests = [f"test_x.py::test_{n}" for n in range(9)]
    latest: dict[str, Tried] = {}
    had = []
    for number in range(18):
        test = chosen(tests, latest, 60.0, seed=number)
        assert test is not None
        had.append(test)
        latest[test] = Tried(test, f"2026-01-02T00:00:{number:02d}", 5.0, is_cut=False)
    assert sorted(had[:9]) == tests and had[9:] == had[:9]
    firsts = {chosen(tests, {}, 60.0, seed) for seed in range(100)}
    assert firsts == set(tests), "which is first is drawn"


def test_what_was_cut_off_is_not_begun_again_before_there_is_more_time_for_it() -> None:
    cut = {"a": Tried("a", "2026", 60.0, is_cut=True)}
    assert [chosen(["a"], cut, seconds, 1) for seconds in (60.0, 61.0, 180.0)] == [None, None, "a"]
    ended = {"a": Tried("a", "2026", 60.0, is_cut=False)}
    assert [chosen(["a"], ended, seconds, 1) for seconds in (60.0, 90.0)] == [None, "a"]
    assert chosen(["a", "b"], cut, SECONDS_MIN, 1) == "b"
    assert chosen(["b"], {}, SECONDS_MIN - 1, 1) is None
    interrupted = {"b": Tried("b", "2026", 0.0, is_cut=True)}
    assert chosen(["b"], interrupted, SECONDS_MIN - 1, 1) is None
    assert chosen(["b"], interrupted, SECONDS_MIN, 1) == "b"


def test_where_one_night_stopped_the_next_goes_on(database: ExampleDatabase) -> None:
    turns = Turns(database, OUR_BOARD)
    turns.end(turns.begin("a"), 70.0, is_cut=True)
    begun = turns.begin("b")  # and there the night was killed
    other = Turns(database, "another:Board")
    assert other.latest() == {}
    key = b"swarm-proofs/tried/1/" + OUR_BOARD.encode()
    for torn in (b"", b"[]", b"{", to_bytes(begun).replace(b'"version": 1', b'"version": 2')):
        database.save(key, torn)
    latest = Turns(database, OUR_BOARD).latest()
    assert {name: (one.seconds, one.is_cut) for name, one in latest.items()} == {
        "a": (70.0, True),
        "b": (0.0, True),
    }
    assert chosen(["a", "b"], latest, 60.0, 1) == "b", "that it was killed tells nothing of it"
    turns.end(begun, 3.0, is_cut=False)
    assert Turns(database, OUR_BOARD).latest()["b"] == replace(begun, seconds=3.0, is_cut=False)


def test_every_file_with_a_deep_version_is_played_or_says_why_not() -> None:
    says = re.compile(r"get_current_profile_name|import .*\bIS_DEEP\b")
    files = {path.stem.removeprefix("test_"): path for path in PLACE.glob("test_*.py")}
    has_deep = {name for name, path in files.items() if says.search(path.read_text())}
    left = [name for names in NOT_PLAYED.values() for name in names]
    assert has_deep == {*FILES, *left}
    assert len(left) + len(FILES) == len(has_deep), "each once"


def brought(stage: Stage, seconds: float) -> Brought:
    judge = stage.judge
    turn = Turn("deep proofs", "threads", OUR_BOARD, 7, seconds, "", "")
    return Brought(turn, seconds, judge.coverage, concluded=tuple(judge.concluded))


def ended(tally: Tally) -> Night:
    asked = Asked(600.0, 2, 7, ".proofs/corpus", Path("counterexamples"))
    board = ProvenBoard.named(OUR_BOARD)
    return Night(asked, board, "2026-01-02", "c0ffee", 601.0, True, tally, None, (), {})


def test_a_turn_brings_what_its_proof_concluded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep, "_collected", lambda: (SOON,))
    deep_turn(stage)
    assert stage.judge.coverage.executions == 1
    [one] = Turns(stage.database, OUR_BOARD).latest().values()
    assert one.test == SOON and not one.is_cut and one.seconds > 0
    tally = Tally()
    tally.add(brought(stage, 5.0))
    [line, told] = ended(tally).told()
    assert (told["proof"], told["verdict"]) == ("deep: post and power loss", "holds")
    assert line["executions"] == 1 and told["seed"] == 7
    assert "deep proofs that came to their end: 1" in [*lines(ended(tally))]


def test_a_proof_that_is_cut_off_shows_nothing_and_the_report_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep, "_collected", lambda: (LONG,))
    monkeypatch.setattr("proofs.night.tried.SECONDS_MIN", 0.5)
    stage.until.ends = stage.until.began + 1.0  # pytest takes longer to start
    deep_turn(stage)
    assert stage.judge.coverage.executions == 0
    tally = Tally()
    tally.add(brought(stage, 1.0))
    [_, told] = ended(tally).told()
    assert told["verdict"] == "not applicable" and "cut off after" in told["words"]
    assert f"cut off at the end of a turn: deep: {LONG}" in [*lines(ended(tally))]
    again = replace(stage, until=Until(1.0))
    stage.judge.concluded.clear()
    deep_turn(again)
    assert stage.judge.concluded == [], "there is no more time for it than before"
