"""A turn of the state machine tells what it did: each end from a machine made to earn it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, rule

from proofs.harness.gates import Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.proven_board import ProvenBoard
from proofs.night.corpus import Corpus
from proofs.night.found import Found, Met
from proofs.night.judge import Judge
from proofs.night.machine import machine_replay, machine_turn
from proofs.night.sieve import Sieve
from proofs.night.stage import Stage
from proofs.night.until import Until
from proofs.proving import OUR_BOARD
from swarm import Task


@pytest.fixture(autouse=True)
def what_a_turn_sets_ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    profile = settings.get_current_profile_name()
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", engine.MAX_SHRINKING_SECONDS)
    yield
    settings.load_profile(profile)
    logging.getLogger("swarm").handlers.clear()


class Keeps(RuleBasedStateMachine):
    @rule()
    def step(self) -> None:
        pass


class Breaks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    @rule()
    def step(self) -> None:
        self.steps += 1
        assert self.steps < 3, "S7: a step is lost"


class BreaksAtTheStart(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        raise AssertionError

    @rule()
    def step(self) -> None:
        pass


class BoardRaises(Keeps):
    @rule()
    def read(self) -> None:
        Task.from_json(b"{")


class IsAtFault(Keeps):
    @rule()
    def stumble(self) -> None:
        raise KeyError("a bug of the machine")


class TossesACoin(RuleBasedStateMachine):
    tosses = itertools.count()

    @rule()
    def step(self) -> None:
        assert next(self.tosses) % 7 != 3


class Played:
    """A stage for one turn, and what was told of it."""

    def __init__(self, folder: Path, seconds: float = 0.5) -> None:
        self.told: list[Found | Met] = []
        self.database = InMemoryExampleDatabase()
        gates = Gates(ProvenBoard.named(OUR_BOARD), folder / "board")
        corpus = Corpus(self.database, OUR_BOARD)
        sieve, guard = Sieve(), GuardSchedule()
        self.judge = Judge(gates, "threads", folder, corpus, set(), sieve, guard, self.told.append)
        self.stage = Stage(self.judge, Until(seconds), 7, corpus, self.database, folder)

    @property
    def found(self) -> list[Found]:
        return [one for one in self.told if isinstance(one, Found)]

    def by(self, machine: Any) -> Played:
        machine_turn(self.stage, lambda: machine)
        return self


@pytest.mark.parametrize("machine", [Keeps, Breaks, BreaksAtTheStart, BoardRaises])
def test_a_violation_is_found_where_there_is_one(
    machine: type[RuleBasedStateMachine], tmp_path: Path
) -> None:
    played = Played(tmp_path).by(machine)
    assert played.judge.coverage.executions > 0
    assert len(played.found) == played.judge.violations == (machine is not Keeps)
    assert played.judge.fault is None and not played.judge.unknown
    assert all(one.at_fault == "board" for one in played.found)


def test_what_is_wrong_with_the_machine_is_not_laid_to_the_board(tmp_path: Path) -> None:
    played = Played(tmp_path).by(IsAtFault)
    assert isinstance(played.judge.fault, KeyError) and not played.found


def test_steps_that_end_now_one_way_and_now_another_are_unknown(tmp_path: Path) -> None:
    played = Played(tmp_path).by(TossesACoin)
    [words] = played.judge.unknown
    assert "did not end the same way" in words and not played.found


def test_a_violation_is_kept_with_its_fewest_steps_and_how_to_repeat_it(tmp_path: Path) -> None:
    [found] = Played(tmp_path, 60).by(Breaks).found
    text = Path(found.path).read_text()
    assert found.invariant == "S7" and text.count("state.step()") == 3
    assert "Repeat: python -m proofs fuzz --only 'state machine' --processes 1 --seed 7" in text


def test_what_was_found_is_tried_first_the_next_time_and_only_that(tmp_path: Path) -> None:
    played = Played(tmp_path, 60).by(Breaks)
    machine_replay(played.stage, lambda: Breaks)
    first, again = played.found
    assert again.name == first.name
    before = played.judge.coverage.executions
    machine_replay(played.stage, lambda: Keeps)
    assert played.judge.coverage.executions == before and len(played.found) == 2


def test_a_turn_without_time_executes_nothing(tmp_path: Path) -> None:
    assert Played(tmp_path, 0).by(Breaks).judge.coverage.executions == 0
