"""The boards with a planted bug and their safe twins, and how the bugs are found again.

``python -m proofs.planted_bugs`` finds each bug and keeps its counterexample in
``proofs/counterexamples/``, as what a replay must still convict.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Final

from proofs import broken_boards, safe_boards
from proofs.harness.conviction import violation
from proofs.harness.gates import GateName, Gates
from proofs.harness.proof import Proof, ViolatedError
from proofs.harness.proven_board import ProvenBoard
from strategies.damage import Damage
from strategies.interleavings import Interleaving
from strategies.programs import Ask, Program
from strategies.scenarios import START, PostedTask, Scenario

EXECUTIONS_MAX: Final = 400
KEPT: Final = Path(__file__).parent / "counterexamples"
SEED: Final = 4


class NotFoundError(Exception):
    """A planted bug was not found in ``EXECUTIONS_MAX`` executions."""


def modules(package: ModuleType) -> list[ModuleType]:
    """Those of a package that hold a board."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = (importlib.import_module(f"{package.__name__}.{name}") for name in names)
    return [module for module in found if hasattr(module, "Board")]


EVERY: Final = modules(broken_boards)


def shown_by(proof: str) -> list[ModuleType]:
    """The broken boards whose ``PROOF`` this is; where none is named, interleavings do."""
    return [module for module in EVERY if getattr(module, "PROOF", "interleavings") == proof]


BROKEN: Final = shown_by("interleavings")
INTERLEAVED: Final = [module for module in BROKEN if module.PREEMPTIONS]
"""Those whose bug nothing but an interleaving shows."""

SAFE: Final = modules(safe_boards)


def name_of(module: ModuleType) -> str:
    """What its board is called."""
    return module.__name__.rpartition(".")[2]


def board_of(module: ModuleType) -> ProvenBoard:
    """The board of a module."""
    return ProvenBoard.named(f"{module.__name__}:Board")


def gate_of(module: ModuleType) -> GateName:
    """Where its bug shows: threads, if it does not need processes."""
    return "processes" if getattr(module, "GATE", "threads") == "processes" else "threads"


def damage_of(module: ModuleType) -> tuple[Damage, ...]:
    """What is to be done to the files of its tasks before the bug shows; mostly nothing."""
    damage: tuple[Damage, ...] = getattr(module, "DAMAGE", ())
    return damage


def smallest(module: ModuleType, interleaving: Interleaving | None = None) -> Scenario:
    """The smallest scenario that shows what is wrong with a board, if it is interleaved so."""
    interleaving = interleaving or Interleaving()
    return _scenario(module.TASKS, module.PROGRAMS, interleaving, damage_of(module))


def drawn(chance: random.Random, module: ModuleType, effects: int) -> Scenario:
    """A scenario around what this board needs: more tasks and claims, any interleaving."""
    programs = [
        program + (Ask("claim_next"),) * chance.choice([0, 0, 1]) for program in module.PROGRAMS
    ]
    agents = [f"a{n + 1}" for n in range(len(programs))]
    tasks = module.TASKS + chance.choice([0, 0, 1])
    damage = tuple(replace(one, number=chance.randrange(400)) for one in damage_of(module))
    return _scenario(tasks, tuple(programs), _mixture(chance, agents, effects), damage)


def first_conviction(module: ModuleType, gate: GateName, seed: int, root: Path) -> int:
    """In which execution the bug shows first, of those that ``convicted`` draws.

    Raises ``NotFoundError``.
    """
    chance = random.Random(f"{seed} {name_of(module)}")
    with Gates(board_of(module), root) as gates:
        effects = len(gates.run(smallest(module), gate).trace)
        for number in range(1, EXECUTIONS_MAX + 1):
            execution = gates.run(drawn(chance, module, effects), gate)
            if violation(execution, gates, module.INVARIANT) is not None:
                return number
    raise _not_found(module, gate, seed)


def convicted(
    module: ModuleType, gate: GateName, seed: int, root: Path, folder: Path
) -> tuple[Proof, ViolatedError]:
    """Draw scenarios by a seed until the bug shows; the counterexample is in ``folder`` then.

    Raises ``NotFoundError``.
    """
    chance = random.Random(f"{seed} {name_of(module)}")
    with Gates(board_of(module), root) as gates:
        effects = len(gates.run(smallest(module), gate).trace)
        name = f"{name_of(module)} is convicted"
        looks_at = [module.INVARIANT]
        proof = Proof(name, gates, gate, folder, invariants=looks_at, expect="violated")
        for _ in range(EXECUTIONS_MAX):
            try:
                proof.examine(drawn(chance, module, effects))
            except ViolatedError as error:
                return proof, error
    raise _not_found(module, gate, seed)


def _not_found(module: ModuleType, gate: GateName, seed: int) -> NotFoundError:
    words = f"{module.INVARIANT} of {name_of(module)} must be violated in {EXECUTIONS_MAX} runs"
    return NotFoundError(f"{words} by seed {seed} in {gate}, and was not")


def _scenario(
    tasks: int,
    programs: tuple[Program, ...],
    interleaving: Interleaving,
    damage: tuple[Damage, ...] = (),
) -> Scenario:
    posted = tuple(PostedTask(f"t{n + 1}", created_at=START - n) for n in range(tasks))
    agents = tuple((f"a{n + 1}", program) for n, program in enumerate(programs))
    return Scenario(posted, agents, interleaving, damage=damage)


def _mixture(chance: random.Random, agents: list[str], effects: int) -> Interleaving:
    """One of the three kinds, alike."""
    kind = chance.choice(["walk", "pct", "switches"])
    if kind == "walk":
        return Interleaving(kind, seed=chance.randrange(2**32))
    if kind == "pct":
        return Interleaving(
            kind, seed=chance.randrange(2**32), changes=chance.randint(1, 3), effects=effects
        )
    places = sorted(chance.sample(range(effects), chance.randint(1, 3)))
    return Interleaving(switches=tuple((place, chance.choice(agents)) for place in places))


def main() -> None:
    """Keep a counterexample of each bug, in place of those that are kept."""
    from proofs.planted_crashes import BROKEN_BY_CRASHES, convicted_by_a_crash

    for old in KEPT.glob("*.json"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for module in BROKEN:
            proof, error = convicted(module, gate_of(module), SEED, Path(folder, "board"), KEPT)
            print(proof.path, str(error).splitlines()[0], sep="\n  ")
        for module in BROKEN_BY_CRASHES:
            crash, error = convicted_by_a_crash(module, SEED, Path(folder, "board"), KEPT)
            print(crash.path, str(error).splitlines()[0], sep="\n  ")


if __name__ == "__main__":
    main()
