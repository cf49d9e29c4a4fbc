"""The boards with a planted bug and their safe twins, and how the bugs are found again.

``python -m proofs.planted_bugs`` finds each bug and keeps its counterexample in
``proofs/counterexamples/``, as what a replay must still convict.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Final

from proofs import broken_boards, safe_boards
from proofs.drawn_faults import KILLS, KINDS, drawn_faults
from proofs.harness.conviction import violation
from proofs.harness.counterexample import load
from proofs.harness.gates import GateName, Gates
from proofs.harness.proof import Proof, ViolatedError, run_again
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.trace import Step
from strategies.damage import Damage
from strategies.faults import KILL
from strategies.interleavings import Interleaving
from strategies.programs import Ask, Program
from strategies.scenarios import START, PostedTask, Scenario

EXECUTIONS_MAX: Final = {"interleavings": 400, "faults": 2000}
LEASE_SECONDS: Final = 3600.0
KEPT: Final = Path(__file__).parent / "counterexamples"
SEED: Final = 4


class NotFoundError(Exception):
    """A planted bug was not found in as many executions as ``EXECUTIONS_MAX`` allows."""


def modules(package: ModuleType) -> list[ModuleType]:
    """Those of a package that hold a board."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = (importlib.import_module(f"{package.__name__}.{name}") for name in names)
    return [module for module in found if hasattr(module, "Board")]


EVERY: Final = modules(broken_boards)


def proof_of(module: ModuleType) -> str:
    """The kind of proof that shows what is wrong with a board: its ``PROOF``, if it has one.

    Else "faults" where it takes any, and "interleavings".
    """
    usual = "faults" if hasattr(module, "FAULTS") else "interleavings"
    return str(getattr(module, "PROOF", usual))


def shown_by(*proofs: str) -> list[ModuleType]:
    """The broken boards that one of these kinds of proof shows."""
    return [module for module in EVERY if proof_of(module) in proofs]


BROKEN: Final = shown_by("interleavings", "faults")
"""Those that are shown by a run of agents; what else there is has proofs of its own."""

INTERLEAVED: Final = [module for module in shown_by("interleavings") if module.PREEMPTIONS]
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
    scenario = _scenario(module.TASKS, module.PROGRAMS, interleaving, damage_of(module))
    return replace(scenario, faults=getattr(module, "FAULTS", ()))


def plain_run(module: ModuleType, gates: Gates, gate: GateName) -> list[Step]:
    """What a board does in that scenario if nothing goes wrong: where faults can strike."""
    return gates.run(replace(smallest(module), faults=()), gate).trace


def drawn(chance: random.Random, module: ModuleType, effects: int) -> Scenario:
    """A scenario around what this board needs: more tasks and claims, any interleaving."""
    programs = [
        program + (Ask("claim_next"),) * chance.choice([0, 0, 1]) for program in module.PROGRAMS
    ]
    agents = [f"a{n + 1}" for n in range(len(programs))]
    tasks = module.TASKS + chance.choice([0, 0, 1])
    damage = tuple(replace(one, number=chance.randrange(400)) for one in damage_of(module))
    return _scenario(tasks, tuple(programs), _mixture(chance, agents, effects), damage)


def drawn_with_faults(
    chance: random.Random, module: ModuleType, plain: Sequence[Step], kinds: Sequence[str]
) -> Scenario:
    """The same with faults at the effects of ``plain``; half of them without any switch."""
    scenario = drawn(chance, module, len(plain))
    faults = drawn_faults(chance, plain, kinds, lease_seconds=LEASE_SECONDS)
    interleaving = chance.choice([Interleaving(), scenario.interleaving])
    return replace(scenario, interleaving=interleaving, faults=faults)


def _drawn_for(
    module: ModuleType, seed: int, gates: Gates, gate: GateName
) -> Iterator[tuple[int, Scenario]]:
    """What is tried to show the bug of a board, numbered from 1."""
    chance = random.Random(f"{seed} {name_of(module)}")
    plain, kind = plain_run(module, gates, gate), proof_of(module)
    is_killed = any(fault.what == KILL for fault in getattr(module, "FAULTS", ()))
    for number in range(1, EXECUTIONS_MAX[kind] + 1):
        if kind == "faults":
            kinds = KILLS if is_killed else KINDS
            yield number, drawn_with_faults(chance, module, plain, kinds)
        else:
            yield number, drawn(chance, module, len(plain))


def first_conviction(module: ModuleType, gate: GateName, seed: int, root: Path) -> int:
    """In which execution the bug shows first, of those that ``convicted`` draws.

    That one is run a second time under guard before it is believed, as in any proof. Raises
    ``NotFoundError`` and ``UnknownError``.
    """
    with Gates(board_of(module), root) as gates:
        for number, scenario in _drawn_for(module, seed, gates, gate):
            execution = gates.run(scenario, gate)
            if violation(execution, gates, module.INVARIANT) is not None:
                run_again(gates, gate, execution)
                return number
    raise _not_found(module, gate, seed)


def convicted(
    module: ModuleType, gate: GateName, seed: int, root: Path, folder: Path
) -> tuple[Proof, ViolatedError]:
    """Draw scenarios by a seed until the bug shows; the counterexample is in ``folder`` then.

    Raises ``NotFoundError``.
    """
    with Gates(board_of(module), root) as gates:
        name = f"{name_of(module)} is convicted"
        looks_at = [module.INVARIANT]
        proof = Proof(name, gates, gate, folder, invariants=looks_at, expect="violated")
        for _, scenario in _drawn_for(module, seed, gates, gate):
            try:
                proof.examine(scenario)
            except ViolatedError as error:
                return proof, error
    raise _not_found(module, gate, seed)


def _not_found(module: ModuleType, gate: GateName, seed: int) -> NotFoundError:
    most = EXECUTIONS_MAX[proof_of(module)]
    words = f"{module.INVARIANT} of {name_of(module)} must be violated in {most} runs"
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
        if load(old).expect == "violated":
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
