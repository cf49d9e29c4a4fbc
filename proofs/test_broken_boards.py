"""Each broken board is convicted of what is wrong with it, and no safe one of anything.

Broken boards are shown in as many executions as are needed, at most ``EXECUTIONS_MAX``, which are
drawn from one seed. Some are made small in each run, and the fewest preemptions that show them are
found by trying every interleaving with so many; of the others the counterexample is kept. Safe
boards run the programs of all the broken ones. Under the profile ``proofs-fuzz`` it is all boards
on 20 seeds, both gates, 100 replays of one counterexample of each board and 10,000 executions of
each safe board.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from proofs.broken_boards import path_traversal
from proofs.drawn_faults import KINDS, KINDS_OF_PROCESSES
from proofs.harness.checkers import check
from proofs.harness.conviction import violation
from proofs.harness.counterexample import load
from proofs.harness.exhaustive import explore
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.invariants import INVARIANTS
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.harness.trace import Step, preemptions
from proofs.harness.verdict import violations
from proofs.planted_bugs import (
    BROKEN,
    EVERY,
    EXECUTIONS_MAX,
    KEPT,
    SAFE,
    SEED,
    NotFoundError,
    board_of,
    convicted,
    damage_of,
    drawn,
    drawn_with_faults,
    first_conviction,
    gate_of,
    name_of,
    plain_run,
    proof_of,
    smallest,
)
from proofs.proving import OUR_BOARD, Concludes
from strategies.scenarios import Scenario

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"
SEEDS = range(20) if IS_DEEP else [SEED]
REPLAYS = 100 if IS_DEEP else 3
FRESH_REPLAYS = 10
"""Each in an interpreter of its own, which takes most of a second to begin."""

SAFE_EXECUTIONS = 10_000 if IS_DEEP else 15
MINIMISED = [
    module
    for module in BROKEN
    if name_of(module)
    in ("no_lock", "write_in_place", "lock_file_unlinked", "refused_after_the_write")
]
"""Those that are made small in each run; the others have a counterexample that is kept."""

IN_BOTH = ("no_lock", "posix_lock", "filelock_lock")


def gates_of(module: ModuleType) -> tuple[GateName, ...]:
    """Where its bug must be shown: at the one that needs it, in depth at both if it can be."""
    if hasattr(module, "GATE"):
        return (gate_of(module),)
    return GATES if IS_DEEP or name_of(module) in IN_BOTH else ("threads",)


def at_their_gates(modules: list[ModuleType]) -> list[object]:
    """Each board of these at each gate where it is proved."""
    return [
        pytest.param(module, gate, id=f"{name_of(module)} in {gate}")
        for module in modules
        for gate in gates_of(module)
    ]


@contextmanager
def told_if_not_convicted(
    module: ModuleType, gate: GateName, concludes: Concludes
) -> Iterator[None]:
    """So that a board that is not found out stands among the others in the report."""
    try:
        yield
    except NotFoundError as error:
        concludes(
            Conclusion(
                *("convicted of its own bug", name_of(module), gate, "violated", str(error)),
                invariants=(module.INVARIANT,),
                extent="convicted",
            )
        )
        raise


@pytest.mark.parametrize(
    ("module", "gate"),
    [] if IS_DEEP else at_their_gates([one for one in BROKEN if one not in MINIMISED]),
)
def test_a_broken_board_is_convicted_within_a_few_executions(
    module: ModuleType, gate: GateName, tmp_path: Path, concludes: Concludes
) -> None:
    began = time.monotonic()
    with told_if_not_convicted(module, gate, concludes):
        number = first_conviction(module, gate, SEED, tmp_path / "board")
    told = f"{module.INVARIANT} in execution {number}, seed {SEED}"
    concludes(
        Conclusion(
            *("convicted of its own bug", name_of(module), gate, "holds", told),
            invariants=(module.INVARIANT,),
            extent="convicted",
            bound={"executions": number, "executions_max": EXECUTIONS_MAX[proof_of(module)]},
            executions=number,
            seconds=round(time.monotonic() - began, 3),
        )
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("module", "gate"), at_their_gates(BROKEN if IS_DEEP else MINIMISED))
def test_a_broken_board_is_convicted_of_its_own_bug_and_the_counterexample_replays(
    module: ModuleType, gate: GateName, seed: int, tmp_path: Path, concludes: Concludes
) -> None:
    began = time.monotonic()
    with told_if_not_convicted(module, gate, concludes):
        proof, _ = convicted(module, gate, seed, tmp_path / "board", tmp_path)
    seconds = round(time.monotonic() - began, 3)
    assert proof.conviction is not None and proof.path is not None
    count = preemptions(proof.conviction.execution.trace)
    assert count == module.PREEMPTIONS, proof.conviction.words(name_of(module))
    faults = proof.conviction.execution.scenario.faults
    assert len(faults) == len(getattr(module, "FAULTS", ()))
    found_in = proof.coverage.executions
    with Gates(board_of(module), tmp_path / "board") as gates:
        for _ in range(REPLAYS if seed == SEEDS[0] else 3):
            again = replay(load(proof.path), gates)
            assert again.divergence is None and again.verdict is not None
    if IS_DEEP and seed == SEEDS[0]:
        for _ in range(FRESH_REPLAYS):
            replays_in_a_fresh_process(proof.path)
    told = f"{module.INVARIANT} in execution {found_in}, seed {seed}, by {count} preemptions"
    most = EXECUTIONS_MAX[proof_of(module)]
    bound = {"executions": found_in, "executions_max": most, "preemptions": count}
    concludes(
        Conclusion(
            *("convicted and minimised", name_of(module), gate, "holds", told),
            invariants=(module.INVARIANT,),
            extent="convicted",
            bound=bound,
            executions=found_in,
            seconds=seconds,
        )
    )


def replays_in_a_fresh_process(path: Path) -> None:
    """As a user replays it, with the same trace: else it is strict and fails."""
    command = [sys.executable, "-m", "pytest", "-q", "--proofs-strict", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", BROKEN if IS_DEEP else MINIMISED, ids=name_of)
def test_the_fewest_preemptions_that_show_a_bug_are_known(
    module: ModuleType, tmp_path: Path, concludes: Concludes
) -> None:
    gate = gate_of(module)
    with Gates(board_of(module), tmp_path / "board") as gates:
        for count in range(module.PREEMPTIONS + 1):
            found = False
            run = partial(gates.run, gate=gate)
            exploration = explore(smallest(module), run, preemptions_max=count)
            for execution in exploration:
                found = found or violation(execution, gates, module.INVARIANT) is not None
            assert exploration.exhausted
            assert found == (count == module.PREEMPTIONS), (count, exploration.executions)
    told = (
        f"{module.INVARIANT} by {count} preemptions, and in no interleaving with fewer: "
        f"{exploration.executions} executions, {len(exploration.orders)} distinct orders of "
        f"conflicting effects, in {gate}"
    )
    concludes(
        Conclusion(
            *("fewest preemptions that convict", name_of(module), gate, "holds", told),
            invariants=(module.INVARIANT,),
            extent="exhausted",
            bound={"preemptions": count, "distinct_orders": len(exploration.orders)},
            executions=exploration.executions,
        )
    )


def test_each_broken_board_has_a_counterexample_that_is_kept(tmp_path: Path) -> None:
    found = map(load, KEPT.glob("*.json"))
    kept = {one.board: one for one in found if one.expect == "violated"}
    assert set(kept) == {board_of(module).text for module in EVERY}
    for module in EVERY:
        assert kept[board_of(module).text].invariant == module.INVARIANT
    for module in BROKEN:
        counterexample = kept[board_of(module).text]
        assert len(counterexample.scenario.faults) == len(getattr(module, "FAULTS", ()))
        if hasattr(module, "GATE"):
            continue
        with Gates(board_of(module), tmp_path / "board") as gates:
            trace = replay(counterexample, gates, "threads").execution.trace
        assert preemptions(trace) == module.PREEMPTIONS


def test_each_promise_is_broken_by_a_board() -> None:
    """A judge that no planted bug is convicted by may be blind, and nobody would know.

    There is no exception: S15, of which no run of agents tells, is shown by a crash.
    """
    assert {module.INVARIANT for module in EVERY} == set(INVARIANTS)


def fit_for(board: ProvenBoard) -> list[ModuleType]:
    """The broken boards of whose programs no more is asked than this one was made for.

    Damaged files are for boards that promise to contain them, hostile ids for our own.
    """
    withstands = board.promises.include("S12")
    return [
        module
        for module in BROKEN
        if (withstands or not damage_of(module))
        and (board.text == OUR_BOARD or module is not path_traversal)
    ]


def survives(board: ProvenBoard, gate: GateName, root: Path, concludes: Concludes) -> None:
    """Run the programs of the broken boards on this one; it must not be convicted."""
    chance, fit = random.Random(SEEDS[0]), fit_for(board)
    with Gates(board, root) as gates:
        for _ in range(SAFE_EXECUTIONS):
            not_convicted(gates, drawn(chance, chance.choice(fit), 100), gate)
    told_safe(board, gate, "never convicted", concludes)


def survives_faults(board: ProvenBoard, gate: GateName, root: Path, concludes: Concludes) -> None:
    """The same with faults at their effects, kills among them where agents are processes."""
    chance, fit = random.Random(SEEDS[0]), fit_for(board)
    kinds = KINDS if gate == "threads" else KINDS_OF_PROCESSES
    traces: dict[str, list[Step]] = {}
    with Gates(board, root) as gates:
        for _ in range(SAFE_EXECUTIONS):
            module = chance.choice(fit)
            if name_of(module) not in traces:
                traces[name_of(module)] = plain_run(module, gates, gate)
            plain = traces[name_of(module)]
            not_convicted(gates, drawn_with_faults(chance, module, plain, kinds), gate)
    told_safe(board, gate, "never convicted under faults", concludes)


def not_convicted(gates: Gates, scenario: Scenario, gate: GateName) -> None:
    """One execution, of which every verdict must be no conviction."""
    found = violations(check(gates.run(scenario, gate), gates.board.promises))
    assert not found, (found, scenario)


def told_safe(board: ProvenBoard, gate: GateName, proof: str, concludes: Concludes) -> None:
    told = f"in {SAFE_EXECUTIONS:,} executions of the programs of {len(BROKEN)} broken boards"
    concludes(Conclusion(proof, board.name, gate, "holds", told, executions=SAFE_EXECUTIONS))


@pytest.mark.parametrize(("module", "gate"), at_their_gates(SAFE))
def test_a_safe_board_is_never_convicted(
    module: ModuleType, gate: GateName, tmp_path: Path, concludes: Concludes
) -> None:
    survives(board_of(module), gate, tmp_path / "board", concludes)


@pytest.mark.parametrize(
    ("module", "gate"),
    at_their_gates([one for one in SAFE if getattr(one, "STANDS_FAULTS", True)]),
)
def test_a_safe_board_is_never_convicted_whatever_fails(
    module: ModuleType, gate: GateName, tmp_path: Path, concludes: Concludes
) -> None:
    survives_faults(board_of(module), gate, tmp_path / "board", concludes)


@pytest.mark.parametrize("gate", GATES)
def test_our_board_is_never_convicted(gate: GateName, tmp_path: Path, concludes: Concludes) -> None:
    survives(ProvenBoard.named(OUR_BOARD), gate, tmp_path / "board", concludes)


@pytest.mark.parametrize("gate", GATES)
def test_our_board_is_never_convicted_whatever_fails(
    gate: GateName, tmp_path: Path, concludes: Concludes
) -> None:
    survives_faults(ProvenBoard.named(OUR_BOARD), gate, tmp_path / "board", concludes)
