"""The fuzz command tells what it did: each verdict from a machine made to earn it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, rule

from proofs import fuzz as fuzz_module
from proofs.command.entry import main
from proofs.exit_code import ExitCode
from proofs.fuzz import fuzz
from swarm import Task


@pytest.fixture(autouse=True)
def what_the_command_sets_ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
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
        assert self.steps < 3


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


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        (Keeps, ExitCode.HOLDS),
        (Breaks, ExitCode.VIOLATED),
        (BreaksAtTheStart, ExitCode.VIOLATED),
        (BoardRaises, ExitCode.VIOLATED),
        (IsAtFault, ExitCode.HARNESS_FAULT),
        (TossesACoin, ExitCode.UNKNOWN),
    ],
)
def test_each_verdict_is_earned(
    machine: type[RuleBasedStateMachine], code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuzz(1, seed=7, machine=machine) is code
    printed = capsys.readouterr().out
    assert machine.__name__ in printed
    assert "seed 7" in printed


def test_a_violation_tells_its_steps_and_how_to_repeat_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fuzz(60, seed=7, machine=Breaks)
    printed = capsys.readouterr().out
    assert printed.count("state.step()") == 3
    assert "Repeat: python -m proofs fuzz --seed 7" in printed


def test_a_budget_that_allows_no_execution_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz(1e-9, machine=Keeps) is ExitCode.UNKNOWN
    assert "0 executions" in capsys.readouterr().out


def test_an_interruption_leaves_with_a_summary(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: RuleBasedStateMachine) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Keeps, "teardown", interrupted)
    assert fuzz(60, machine=Keeps) is ExitCode.INTERRUPTED
    assert "interrupted: Keeps, 0 executions" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["fuzz", "--budget", "60"], ["fuzz", "--budget", "0s"], ["fuzz", "--seed", "x"]],
)
def test_bad_usage_leaves_with_its_own_code(arguments: list[str]) -> None:
    assert main(arguments) == ExitCode.USAGE


def test_a_machine_that_cannot_be_imported_is_no_verdict_on_the_board(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("proofs.machine")

    monkeypatch.setattr(fuzz_module, "_task_board_machine", missing)
    assert main(["fuzz", "--budget", "1s"]) == ExitCode.HARNESS_FAULT
