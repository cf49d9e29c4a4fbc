"""A counterexample is found, made small, written, read and replayed, also once the code changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from proofs.harness.counterexample import (
    Counterexample,
    is_counterexample,
    load,
    save,
)
from proofs.harness.determinism import NondeterminismError, compare
from proofs.harness.effects import Effect
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.picture import picture
from proofs.harness.proof import Proof, ViolatedError
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import diverged, replay
from proofs.harness.trace import Step, preemptions
from proofs.harness.verdict import UnknownError
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario, scenarios

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
REPLAYS = 100 if IS_DEEP else 10
NO_LOCK = "proofs.broken_boards.no_lock:Board"
POLL = (Ask("claim_next"),) * 3
TASKS = (PostedTask("t1"), PostedTask("t2"))

# The same board four times: as it is, with a sync more, with other temporary names, with a lock.
VARIANTS = """
import fcntl, itertools, os
from contextlib import contextmanager
from proofs.broken_boards.no_lock import Board as AsItIs
from proofs.broken_boards.base import LockAndScan as Mended

class Syncs(AsItIs):
    def read(self, task_id):
        os.stat(self.path)
        return super().read(task_id)

class Renames(AsItIs):
    def temporary(self, task_id):
        return f"{self.path}/.new-{task_id}"

_numbers = itertools.count()

class Counts(AsItIs):
    def temporary(self, task_id):
        return f"{self.path}/.number-{next(_numbers)}"
"""


def walk(seed: int) -> Scenario:
    return Scenario(
        TASKS, (("a1", POLL), ("a2", POLL), ("a3", POLL)), Interleaving("walk", seed=seed)
    )


def found(text: str, gate: GateName, root: Path, folder: Path) -> tuple[Proof, ViolatedError]:
    """The first violation of so many random walks."""
    with Gates(ProvenBoard.named(text), root) as gates:
        proof = Proof("proof", gates, gate, folder)
        for seed in range(200):
            try:
                proof.examine(walk(seed))
            except ViolatedError as error:
                return proof, error
    raise AssertionError("200 random walks must find a race that one switch shows")


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("variants") / "variants.py"
    path.write_text(VARIANTS)
    return str(path)


@pytest.fixture(scope="module")
def counterexample(tmp_path_factory: pytest.TempPathFactory) -> Counterexample:
    root = tmp_path_factory.mktemp("found")
    proof, _ = found(NO_LOCK, "threads", root / "board", root)
    assert proof.path is not None
    return load(proof.path)


@pytest.mark.parametrize("gate", GATES)
def test_a_race_found_at_a_gate_is_two_claims_of_one_task_and_one_preemption(
    gate: GateName, tmp_path: Path
) -> None:
    proof, error = found(NO_LOCK, gate, tmp_path / "board", tmp_path)
    assert proof.conviction is not None and proof.path is not None
    execution = proof.conviction.execution
    assert preemptions(execution.trace) == 1
    assert [asks for _, asks in execution.scenario.programs] == [POLL[:1], POLL[:1]]
    assert execution.scenario.agents == ("a1", "a2")
    assert [task.task_id for task in execution.scenario.tasks] == ["t1"]
    assert set(proof.conviction.gates) == set(GATES)
    assert str(error).startswith("S1 violated by no_lock, in ")
    assert f"Replay: pytest {proof.path}" in str(error)
    assert load(proof.path).meets == ("read t1.json", "replace .t1.*.tmp -> t1.json")


@pytest.mark.parametrize("gate", GATES)
def test_a_counterexample_replays_the_same_each_time_at_either_gate(
    gate: GateName, counterexample: Counterexample, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(counterexample.board), tmp_path / "board") as gates:
        first = gates.run(counterexample.scenario, gate)
        assert diverged(counterexample.trace, first) is None
        for _ in range(REPLAYS):
            again = replay(counterexample, gates, gate)
            assert again.divergence is None and again.verdict is not None
            assert again.execution == first


def test_a_counterexample_is_read_as_it_was_written(
    counterexample: Counterexample, tmp_path: Path
) -> None:
    path = save(counterexample, tmp_path)
    assert load(path) == counterexample
    assert is_counterexample(path)
    assert path.name.startswith("no_lock-S1-") and len(path.name) == len("no_lock-S1-12345678.json")


@given(scenario=scenarios())
def test_any_scenario_is_read_as_it_was_written(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    example = Counterexample("b:B", "S1", "…", ("threads",), scenario, (), ())
    path = save(example, tmp_path_factory.getbasetemp() / "written")
    assert load(path) == example


def test_the_same_bug_found_again_is_the_same_file(
    counterexample: Counterexample, tmp_path: Path
) -> None:
    other = replace(counterexample, scenario=walk(1), violation="in other words")
    assert save(other, tmp_path) == save(counterexample, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert save(replace(counterexample, invariant="S3"), tmp_path) != tmp_path / other.file_name()


def test_code_with_an_effect_more_diverges_and_is_still_convicted(
    counterexample: Counterexample, variants: str, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(f"{variants}:Syncs"), tmp_path / "board") as gates:
        again = replay(counterexample, gates)
    assert again.verdict is not None and again.neighbours == 0
    assert again.divergence is not None
    assert str(again.divergence) == (
        f"diverged at step {again.divergence.step}: expected 'a1: open r t1.json', saw 'a1: stat .'"
    )


def test_where_an_effect_has_another_name_a_neighbouring_interleaving_shows_the_bug(
    counterexample: Counterexample, variants: str, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(f"{variants}:Renames"), tmp_path / "board") as gates:
        again = replay(counterexample, gates)
    assert again.divergence is not None and again.verdict is not None
    assert again.neighbours > 0


def test_mended_code_diverges_and_holds_in_all_neighbouring_interleavings(
    counterexample: Counterexample, variants: str, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(f"{variants}:Mended"), tmp_path / "board") as gates:
        again = replay(counterexample, gates)
    assert again.divergence is not None and again.verdict is None
    assert again.neighbours > 20


def test_what_runs_in_two_ways_is_unknown_and_convicts_nobody(
    variants: str, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(f"{variants}:Counts"), tmp_path / "board") as gates:
        proof = Proof("proof", gates, "threads", tmp_path)
        with pytest.raises(UnknownError, match=r"ran in two ways: at effect \d+ .*number-"):
            proof.examine(walk(0))
        assert gates.run(walk(0), "threads") != gates.run(walk(0), "threads")
    assert not list(tmp_path.glob("*.json"))


def test_two_runs_that_differ_are_told_apart_by_their_first_difference(tmp_path: Path) -> None:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        first, second = gates.run(walk(0), "threads"), gates.run(walk(1), "threads")
        compare(first, gates.run(walk(0), "threads"))
        with pytest.raises(NondeterminismError, match="at effect"):
            compare(first, second)
        with pytest.raises(NondeterminismError, match="other final on the same effects"):
            compare(first, replace(first, final=[]))


def test_a_picture_shows_the_agents_side_by_side_and_where_one_was_stopped(
    counterexample: Counterexample, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        lines = picture(gates.run(counterexample.scenario, "threads")).splitlines()
    columns = [line.index(name) for name in ("a1", "a2") for line in lines[:1]]
    calls = [line.index("claim_next()") for line in lines if "claim_next()" in line]
    assert calls == columns
    stops = [line.strip() for line in lines if "~~" in line]
    assert stops == ["~~ stopped before open w .t1.*.tmp"]
    assert sum("-> t1 token 1" in line for line in lines) == 2
    assert all(len(line) <= 100 for line in lines)


def _step(agent: str, kind: str, path: str, *, waits: bool = False) -> Step:
    return Step(agent, Effect(kind, (path,), changes=True), waits=waits)


def test_a_picture_leaves_out_locks_of_threads_that_kept_nobody_out(
    counterexample: Counterexample, tmp_path: Path
) -> None:
    with Gates(ProvenBoard.named(NO_LOCK), tmp_path / "board") as gates:
        execution = gates.run(counterexample.scenario, "threads")
    idle = [_step(a, k, "<m.idle>") for a in ("a1", "a2") for k in ("lock", "unlock")]
    busy = [
        _step("a1", "lock", "<m.busy>"),
        _step("a2", "lock", "<m.busy>", waits=True),
        _step("a1", "unlock", "<m.busy>"),
    ]
    shown = picture(replace(execution, trace=[*execution.trace, *idle, *busy]))
    effects = [line for line in shown.splitlines() if line[:4].strip().isdigit()]
    assert not any("<m.idle>" in line for line in effects), shown
    assert sum("lock <m.busy>" in line for line in effects) == 3, shown
