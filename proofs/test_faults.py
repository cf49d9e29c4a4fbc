"""Faults are plain values: they are written, drawn and shrunk, and live in counterexamples."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import find, given

from proofs.broken_boards.base import LockAndScan
from proofs.drawn_faults import drawn_faults
from proofs.harness.conviction import convict, counterexample_of
from proofs.harness.counterexample import load, save
from proofs.harness.effects import Effect
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.nemesis import of_those_left
from proofs.harness.picture import picture
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.harness.trace import Step
from proofs.struck_runs import (
    BASE,
    REPLACE,
    SCENARIO,
    in_both,
)
from strategies.faults import (
    INTERRUPTIONS,
    KILL,
    Fault,
    errors_at,
    fault_plans,
    set_clocks_by,
    stop_for,
)
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task


class DeletesOnError(LockAndScan):
    """An error path that deletes the task instead of the temporary file."""

    def write(self, task: Task) -> None:
        try:
            super().write(task)
        except OSError:
            os.unlink(self.file(task.task_id))
            raise


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with Gates(ProvenBoard.named(BASE), tmp_path_factory.mktemp("run") / "board") as gates:
        yield gates


@given(plan=fault_plans(["a1", "a2"], can_kill=True))
def test_faults_come_back_from_json_as_they_were(plan: tuple[Fault, ...]) -> None:
    scenario = replace(SCENARIO, faults=plan)
    assert Scenario.from_json(scenario.to_json()) == scenario
    assert ("faults" in scenario.to_json()) == bool(plan)


def test_a_fault_is_written_to_be_read() -> None:
    fault = Fault("a1", "before", "replace *.tmp -> t1.json", 2, "ENOSPC", lasts=True)
    line = ["a1", "before", "replace *.tmp -> t1.json", 2, "ENOSPC", "from then on"]
    assert fault.to_json() == line and Fault.from_json(line) == fault
    told = "ENOSPC before the second 'replace *.tmp -> t1.json' of a1, from then on"
    assert str(fault) == told


@pytest.mark.parametrize("seconds", [-7200.0, 3599.999983, 1.0, -1_800_086_400.0])
def test_clocks_are_set_by_what_is_written(seconds: float) -> None:
    fault = Fault("a1", "before", "*", 1, set_clocks_by(seconds))
    assert fault.sets_clocks_by_seconds == seconds
    assert Fault.from_json(fault.to_json()) == fault


def test_plans_shrink_to_no_fault_at_all() -> None:
    assert find(fault_plans(["a1", "a2"], can_kill=True), lambda plan: True) == ()
    one = find(fault_plans(["a1", "a2"], can_kill=True), lambda plan: len(plan) > 0)
    assert len(one) == 1 and one[0].occurrence == 1 and not one[0].lasts


@pytest.mark.parametrize(
    ("what", "when"),
    [
        ((KILL,), "before"),
        ((KILL,), "after"),
        ((KILL,), "middle"),
        (INTERRUPTIONS, "before"),
        (INTERRUPTIONS, "after"),
    ],
)
def test_signals_are_drawn_at_every_moment_of_an_effect(what: tuple[str, ...], when: str) -> None:
    """By Hypothesis as by a seed; where a plan shrinks it shrinks to a signal before an effect."""

    def is_one(fault: Fault) -> bool:
        return fault.what in what and fault.when == when

    def has_one(plan: tuple[Fault, ...]) -> bool:
        return any(map(is_one, plan))

    found = find(fault_plans(["a1"], can_kill=True), has_one)
    assert len(found) == 1 and found[0].occurrence == 1
    write = Step("a1", Effect("write", ("file",), changes=True))
    stat = Step("a1", Effect("stat", (".",)))
    kinds, chance = ("kill", "interruption"), random.Random(1)
    plans = (drawn_faults(chance, [stat, write], kinds, lease_seconds=9.0) for _ in range(200))
    at = {fault.where for plan in plans for fault in plan if is_one(fault)}
    assert at == ({"write file"} if when == "middle" else {"write file", "stat ."})


@pytest.mark.parametrize(
    ("label", "error"),
    [
        ("listdir .", "EMFILE"),
        ("mkdir .tmp", "ENOENT"),
        ("link a -> b", "ENOSPC"),
        ("lockf exclusive .lock", "ENOLCK"),
        ("lockf try shared .lock", "ENOLCK"),
        ("lockf by fcntl .lock", "ENOLCK"),
        ("rmdir .lock", "EROFS"),
        ("symlink .lock", "ENOSPC"),
        ("truncate file", "EIO"),
        ("chmod file", "EROFS"),
        ("utime file", "EROFS"),
    ],
)
def test_each_kind_of_effect_meets_its_errors(label: str, error: str) -> None:
    assert error in errors_at(label)
    assert not errors_at("lockf unlock .lock") and not errors_at("lock <a lock>")


@pytest.mark.parametrize("label", ["replace t1.json -> claimed/t1", "link t1.json -> claimed/t1"])
def test_nobody_is_told_falsely_that_another_one_was_faster(label: str) -> None:
    assert errors_at(label) and "ENOENT" not in errors_at(label)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["a1", "before", "*", 1, "EINTR"], "what must be one of"),
        (["a1", "before", "*", 1, "SIGSTOP"], "what must be one of"),
        (["a1", "middle", "*", 1, stop_for(1)], "must happen before or after, got 'middle'"),
        (["a1", "before", "*", 1, "short write"], "must happen middle, got 'before'"),
        (["a1", "before", "*", 0, "EIO"], "occurrence must be at least 1, got 0"),
        (["a1", "before", "*", 1, "EIO", "at times"], "must end with 'from then on'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_words(
    fields: list[object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Fault.from_json(fields)


def test_a_fault_stays_at_its_effect_when_effects_before_it_are_taken_out(gates: Gates) -> None:
    fault = Fault("a1", "before", "open r t1.json", 2, "EIO")  # the first is in its claim
    execution = in_both(gates, fault)
    claim, complete = (o for o in execution.history.operations if o.agent == "a1")
    trace = execution.trace
    assert trace[complete.invoked_at + 3].is_struck
    without_claim = trace[: claim.invoked_at] + trace[claim.returned_at :]
    assert next(of_those_left([fault], trace, without_claim)).occurrence == 1
    without_others = [step for step in trace if step.agent == "a1"]
    assert next(of_those_left([fault], trace, without_others)) == fault


@pytest.mark.parametrize("gate", GATES)
def test_what_is_left_of_a_plan_is_the_fault_that_matters(gate: GateName, tmp_path: Path) -> None:
    poll = (Ask("claim_next"), Ask("complete"), Ask("claim_next"), Ask("complete"))
    faults = (
        Fault("a2", "before", "sleep *", 1, "KeyboardInterrupt"),
        Fault("a1", "middle", "write *", 1, "short write"),
        Fault("any", "before", "replace *", 3, "ENOSPC", lasts=True),
        Fault("a3", "before", "listdir *", 1, stop_for(60)),
    )
    scenario = Scenario(
        (PostedTask("t1"), PostedTask("t2"), PostedTask("t3")),
        (("a1", poll), ("a2", poll), ("a3", poll)),
        Interleaving("walk", seed=1),
        faults=faults,
    )
    with Gates(ProvenBoard.named(f"{__name__}:DeletesOnError"), tmp_path / "board") as gates:
        conviction = convict(gates, gate, gates.run(scenario, gate), "S7")
        small = conviction.execution
        assert small.scenario.faults == (Fault("any", "before", REPLACE, 1, "ENOSPC"),)
        assert len(small.scenario.tasks) == len(small.scenario.programs) == 1
        assert [ask.name for _, asks in small.scenario.programs for ask in asks] == ["claim_next"]
        assert conviction.gates == (gate, "processes" if gate == "threads" else "threads")
        assert f"ENOSPC before the first '{REPLACE}' of any" in conviction.words("board")
        assert "fault before: ENOSPC" in picture(small)
        path = save(counterexample_of(conviction, gates.board.text, gates.root), tmp_path)
        for _ in range(5):
            again = replay(load(path), gates)
            assert again.verdict is not None and again.divergence is None


def test_a_conviction_by_a_kill_names_the_effect_and_is_not_applicable_to_threads(
    tmp_path: Path,
) -> None:
    """A file that is written in place is left half-written."""
    board = ProvenBoard.named("proofs.broken_boards.write_in_place:Board")
    with Gates(board, tmp_path / "board") as gates:
        scenario = replace(SCENARIO, faults=(Fault("a1", "before", "*", 14, KILL),))
        conviction = convict(gates, "processes", gates.run(scenario, "processes"), "S8")
        assert conviction.gates == ("processes",)
        assert conviction.execution.scenario.faults == (
            Fault("a1", "before", "write t1.json", 1, KILL),
        )
        path = save(counterexample_of(conviction, board.text, gates.root, "violated"), tmp_path)
        again = replay(load(path), gates)
        assert again.verdict is not None and again.divergence is None
        with pytest.raises(NotApplicableError):
            replay(load(path), gates, "threads")
