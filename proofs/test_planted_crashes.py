"""The boards that only a crash shows to be broken are convicted, and no safe board is.

In each run every one of them is convicted by one seed, and two are made small; of the others the
counterexample is kept. Under the profile ``proofs-fuzz`` it is all on 20 seeds, and 100 replays.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from proofs.harness.counterexample import load
from proofs.harness.crash_proof import CrashProof
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import Gates
from proofs.harness.proof import Conclusion, ViolatedError
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.planted_bugs import SAFE, board_of, drawn, name_of
from proofs.planted_crashes import (
    BROKEN_BY_CRASHES,
    EXECUTIONS_MAX,
    convicted_by_a_crash,
    first_conviction_by_a_crash,
)
from proofs.power_loss import fast_root, two_agents, with_one_preemption
from proofs.proving import Concludes
from proofs.reports import kept
from proofs.restarts import restarted
from proofs.test_broken_boards import IS_DEEP, REPLAYS, SEEDS, replays_in_a_fresh_process
from strategies.crashes import Crash, Lost
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

DURABLE = [module for module in SAFE if board_of(module).promises.persistence is not None]
SAFE_EXECUTIONS = 100 if IS_DEEP else 1
MINIMISED = ("sync_error_retried", "journal_removed_before_it_is_applied")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with fast_root(tmp_path) as found:
        yield found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("module", BROKEN_BY_CRASHES, ids=name_of)
def test_a_broken_board_is_convicted_by_what_a_crash_leaves(
    module: ModuleType, seed: int, root: Path, concludes: Concludes
) -> None:
    number, model = first_conviction_by_a_crash(module, seed, root)
    assert model == module.MODEL
    told = f"{module.INVARIANT} in model {model} after execution {number}, seed {seed}"
    concludes(
        Conclusion(
            *("convicted by a crash", name_of(module), "threads", "holds", told),
            invariants=(module.INVARIANT,),
            extent="convicted",
            bound={"executions": number, "executions_max": EXECUTIONS_MAX},
            executions=number,
        )
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "module", [m for m in BROKEN_BY_CRASHES if IS_DEEP or name_of(m) in MINIMISED], ids=name_of
)
def test_what_a_crash_shows_is_made_small_and_replays(
    module: ModuleType, seed: int, root: Path, tmp_path: Path
) -> None:
    proof, error = convicted_by_a_crash(module, seed, root, tmp_path)
    assert proof.conviction is not None and proof.path is not None
    scenario, crashes = proof.conviction.scenario, proof.conviction.scenario.crashes
    assert len(scenario.programs) == 1
    assert len(scenario.faults) == len(getattr(module, "FAULTS", ()))
    assert sum(len(crash.lost) for crash in crashes) == (module.MODEL != "K")
    assert [crash.model for crash in crashes] == [module.MODEL] * len(crashes)
    assert str(error).count("  ## ") == len(crashes)
    with Gates(board_of(module), root) as gates:
        for _ in range(REPLAYS if seed == SEEDS[0] else 3):
            again = replay(load(proof.path), gates, restarts=restarted)
            assert again.divergence is None and again.verdict is not None
    if IS_DEEP and seed == SEEDS[0]:
        replays_in_a_fresh_process(proof.path)


@pytest.mark.parametrize("module", DURABLE, ids=name_of)
def test_a_safe_board_stands_every_crash_that_it_promises_to_stand(
    module: ModuleType, root: Path, tmp_path: Path
) -> None:
    chance = random.Random(SEEDS[0])
    with Gates(board_of(module), root) as gates:
        proof = CrashProof(
            "safe", gates, tmp_path, restarted, recoveries_max=None if IS_DEEP else 10
        )
        for broken in BROKEN_BY_CRASHES if IS_DEEP else BROKEN_BY_CRASHES[::4]:
            for _ in range(SAFE_EXECUTIONS):
                faults = getattr(broken, "FAULTS", ())
                proof.examine(replace(drawn(chance, broken, 100), faults=faults))
        assert proof.conclude().verdict == "holds"


# A board that has only two methods.

TWO_METHODS = """
import os

class Board:
    promises = {"persistence": "W", "lease_seconds": None, "order": "any"}
    is_synced = True

    def __init__(self, path):
        self.path = path
        for name in ("free", "taken"):
            os.makedirs(f"{path}/{name}", exist_ok=True)
        self.sync(path)

    def sync(self, path):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def post(self, task):
        os.close(os.open(f"{self.path}/free/{task.task_id}", os.O_CREAT | os.O_EXCL))
        if self.is_synced:
            self.sync(f"{self.path}/free")

    def claim_next(self, agent_id):
        for name in os.listdir(f"{self.path}/free"):
            try:
                os.rename(f"{self.path}/free/{name}", f"{self.path}/taken/{name}")
                return name
            except FileNotFoundError:
                pass

class Unsynced(Board):
    is_synced = False
"""


@pytest.mark.parametrize(("name", "is_safe"), [("Board", True), ("Unsynced", False)])
def test_a_board_that_can_only_post_and_grant_is_proved_too(
    name: str, is_safe: bool, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"two_methods_{name}.py"
    path.write_text(TWO_METHODS)
    board = ProvenBoard.named(f"{path}:{name}")
    asks = ((Ask("post", "n1", fenced=False), Ask("claim_next")), (Ask("claim_next"),))
    scenario = Scenario((PostedTask("t1"),), (("a1", asks[0]), ("a2", asks[1])))
    with Gates(board, root) as gates:
        proof = CrashProof("two methods", gates, tmp_path, restarted)
        if is_safe:
            proof.examine(scenario)
            assert proof.conclude().verdict == "holds"
        else:
            with pytest.raises(ViolatedError, match="S7 violated by Unsynced"):
                proof.examine(scenario)


@pytest.mark.parametrize(("states_max", "extent"), [(1_000, "exhausted"), (2, "sampled")])
def test_every_crash_of_every_interleaving_is_told_as_exhausted_and_fewer_as_sampled(
    states_max: int, extent: str, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"two_methods_{extent}.py"
    path.write_text(TWO_METHODS)
    with Gates(ProvenBoard.named(f"{path}:Board"), root) as gates:
        proof = CrashProof(
            *("every crash", gates, tmp_path, restarted),
            states_max=states_max,
            recoveries_max=None,
            cut_off_max=0,
            worst="E",
        )
        scenario = two_agents("one posts, one cancels", gates.board.asks)
        runs = list(with_one_preemption(scenario, proof.examine))
        assert proof.conclude().extent == "sampled", "nobody said that these are all there are"
        proof.extent, proof.space = "exhausted", "all of two agents"
        conclusion = proof.conclude()
    assert proof.models == ("K", "E") and len(runs) == conclusion.executions > 10
    assert conclusion.verdict == "holds" and conclusion.extent == extent
    assert conclusion.words.startswith("all of two agents, ")
    assert "S15" not in conclusion.invariants, "no recovery was cut off"


def test_a_board_that_answers_nothing_before_a_crash_is_unknown(root: Path, tmp_path: Path) -> None:
    board = ProvenBoard.named("proofs.broken_boards.durable:SyncedLockAndScan")
    with Gates(board, root) as gates:
        proof = CrashProof("idle", gates, tmp_path, restarted)
        proof.examine(Scenario((), (("a1", (Ask("claim_next"),)),)))
        conclusion = proof.conclude()
    assert conclusion.verdict == "unknown" and "nothing was ever acknowledged" in conclusion.words


# A replay on other code.

TWINS = {
    "answered_before_the_write": "synced_lock_and_scan",
    "no_sync_of_the_file": "synced_lock_and_scan",
    "sync_error_retried": "sync_error_written_anew",
    "token_reset_by_recovery": "token_counted_from_the_files",
    "journal_removed_before_it_is_applied": "journal_applied_before_it_is_removed",
}


@pytest.mark.parametrize("broken", TWINS)
def test_the_safe_twin_of_a_broken_board_holds_in_its_counterexample(
    broken: str, root: Path
) -> None:
    twin = next(module for module in SAFE if name_of(module) == TWINS[broken])
    with Gates(board_of(twin), root) as gates:
        found = replay(load(kept(broken)), gates, restarts=restarted)
    assert found.verdict is None and found.divergence is not None


def test_a_loss_that_a_sync_forbids_now_is_told_as_diverged(root: Path) -> None:
    counterexample = load(kept("no_sync_of_the_directory"))
    lost = Lost("a1", "write .n1.*.tmp", 1, "data")
    crash = replace(counterexample.scenario.crashes[0], lost=(lost,))
    other = replace(
        counterexample, scenario=replace(counterexample.scenario, crashes=(crash,)), invariant="S8"
    )
    with Gates(ProvenBoard.named(counterexample.board), root) as gates:
        found = replay(other, gates, restarts=restarted)
        with pytest.raises(NotApplicableError, match="in threads"):
            replay(counterexample, gates, "processes", restarted)
    assert found.verdict is None and str(found.divergence).startswith("diverged at step")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "X", "when": "at the end", "lost": []}, "model must be one of K, E, W, S"),
        ({"model": "E", "when": "later", "lost": []}, "when must be 'at the end' or"),
        ({"model": "E", "when": "at the end", "lost": ["all"]}, "lost must be of"),
        ({"model": "E", "when": "at the end"}, "a crash must have lost"),
        (
            {"model": "E", "when": "at the end", "lost": [], "odd": 1},
            "a crash must have no other",
        ),
    ],
)
def test_a_crash_that_is_not_known_is_refused_with_words(
    fields: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Crash.from_json(fields)
