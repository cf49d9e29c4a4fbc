"""The broken boards that only a crash shows, and how their bugs are found again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Final

from proofs.harness.crash_proof import CrashProof
from proofs.harness.crash_replay import smallest_crash
from proofs.harness.gates import Gates
from proofs.harness.proof import ViolatedError
from proofs.planted_bugs import NotFoundError, board_of, drawn, name_of, shown_by, smallest
from proofs.restarts import restarted
from strategies.crashes import MODELS
from strategies.scenarios import Scenario

EXECUTIONS_MAX: Final = 60
BROKEN_BY_CRASHES: Final = shown_by("crashes")


def first_conviction_by_a_crash(module: ModuleType, seed: int, root: Path) -> tuple[int, str]:
    """In which execution the bug shows first, of those that ``convicted_by_a_crash`` draws, and in
    which model. Raises ``NotFoundError``.
    """
    with Gates(board_of(module), root) as gates:
        for number, scenario in enumerate(_drawn(module, seed, gates), 1):
            execution = gates.run_recorded(scenario)
            for model in MODELS:
                if smallest_crash(execution, gates, restarted, model, module.INVARIANT).found:
                    return number, model
    raise _not_found(module, seed)


def convicted_by_a_crash(
    module: ModuleType, seed: int, root: Path, folder: Path
) -> tuple[CrashProof, ViolatedError]:
    """Draw scenarios by a seed until the bug shows; the counterexample is in ``folder`` then.

    Raises ``NotFoundError``.
    """
    with Gates(board_of(module), root) as gates:
        proof = CrashProof(
            f"{name_of(module)} is convicted",
            gates,
            folder,
            restarted,
            invariant=module.INVARIANT,
            expect="violated",
            recoveries_max=None,
            cut_off_max=None,
        )
        for scenario in _drawn(module, seed, gates):
            try:
                proof.examine(scenario)
            except ViolatedError as error:
                return proof, error
    raise _not_found(module, seed)


def _drawn(module: ModuleType, seed: int, gates: Gates) -> Iterator[Scenario]:
    """So many scenarios, with the faults without which the bug does not show."""
    chance = random.Random(f"{seed} {name_of(module)}")
    effects = len(gates.run(smallest(module), "threads").trace)
    for _ in range(EXECUTIONS_MAX):
        yield replace(drawn(chance, module, effects), faults=getattr(module, "FAULTS", ()))


def _not_found(module: ModuleType, seed: int) -> NotFoundError:
    words = f"{module.INVARIANT} of {name_of(module)} must be violated in {EXECUTIONS_MAX} runs"
    return NotFoundError(f"{words} by seed {seed} after a crash, and was not")
