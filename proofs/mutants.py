"""Mutations of our board's effects, and which proof convicts each."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Final

from proofs.harness.checkers import check
from proofs.harness.disk import MODELS, crash_states
from proofs.harness.execution import Execution, run
from proofs.harness.exhaustive import explore, up_to_the_last_calls
from proofs.harness.interception import interception
from proofs.harness.persistence.recorded_run import run_recorded
from proofs.harness.persistence.recovery import Acknowledged, acknowledged, recover
from proofs.harness.power_loss import PowerLoss
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.scheduling import EFFECTS_MAX
from proofs.moving_losses import ARCHIVE, moving_losses
from proofs.mutations import MutatedThreads, Mutation, mutations_of
from proofs.pairs import pair_of
from proofs.power_loss import fast_directory
from proofs.restarts import restarted
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import START, PostedTask, Scenario
from swarm.task_board import TaskBoard

Run = Callable[[Scenario], Execution]

INDEX: Final = ".index"
PARTNERS: Final = ("claim_next", "complete", "list_all")
OPENS_AGAIN: Final = ("requeue",)
"""What an operation on final tasks meets besides."""
EXECUTIONS_MAX: Final = 1_000
STATES_MAX: Final = 60
RECOVERIES_MAX: Final = 400

PROOFS: Final = (
    "one after the other",
    "an old file put back",
    "beside another agent",
    "kill",
    "power loss",
)
"""What a mutation is tried by, in this order."""

_WORK: Final = (Ask("claim_next"), Ask("complete"))
_LATER: Final = (
    *_WORK,
    Ask("advance", seconds=7200.0),
    *_WORK,
    Ask("claim_next"),
    Ask("list_all"),
)
"""So few that nobody's turn becomes too long: else an effect less would change who goes on."""


def board(storage_path: str) -> TaskBoard:
    """Ours, with all of its syncs."""
    return TaskBoard(storage_path, durability="power")


@dataclass(frozen=True, slots=True)
class Conviction:
    """Which proof, of which promise, saw it, and its words."""

    proof: str
    invariant: str
    words: str


def operations() -> list[str]:
    """All that our board offers."""
    return [name for name in _asks() if name != "advance"]


def mutations(name: str, root: Path) -> list[Mutation]:
    """All of one operation's effects."""
    execution = run(_alone(name), board, root)
    return list(mutations_of(execution.trace, "a1", name))


def convicted(mutation: Mutation, root: Path) -> Conviction | None:
    """The first proof that sees it, of those that cost little first; None if it goes unseen."""
    name = mutation.operation
    for proof in _CHEAPEST_FIRST:
        for found in proof(mutation, name, root):
            return found
    return None


def _in_order(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    """One agent does it among its other calls, another one goes on afterwards, or began before."""
    for scenario in (_alone(name), *_one_after_the_other(name)):
        plain = run(scenario, board, root)
        execution = run(scenario, board, root, MutatedThreads(mutation))
        yield from _judged("one after the other", execution)
        if _outcomes(plain) != _outcomes(execution):
            told = next((o.error for o in execution.history.operations if o.error), "it answers no")
            yield Conviction("one after the other", "fails", f"it fails where it must not: {told}")
        left = (set(execution.files) - set(plain.files)) | (_locked(execution) - _locked(plain))
        if left:
            yield Conviction("one after the other", "R1", f"left {', '.join(sorted(left))}")


def _outcomes(execution: Execution) -> list[tuple[str, str, str]]:
    """By agent: a turn that becomes too long ends an effect earlier or later."""
    return sorted(
        ((one.agent, one.name, one.outcome) for one in execution.history.operations),
        key=lambda told: told[0],
    )


def _locked(execution: Execution) -> set[str]:
    """Locks of threads left locked. Each agent has a board of its own, so nobody waits for one."""
    counts: Counter[str] = Counter()
    for step in execution.trace:
        if step.effect.kind in ("lock", "unlock") and step.error is None and not step.waits:
            counts[step.effect.paths[0]] += 1 if step.effect.kind == "lock" else -1
    return {f"{name} locked" for name, count in counts.items() if count > 0}


def _with_an_old_file(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    """Somebody puts the tasks' first files back afterwards, as from a copy, and drops the index."""
    programs = (*_alone(name).programs, ("a2", (Ask("claim_next"),)))
    tasks = (PostedTask("t1"), PostedTask("t2", priority=1))
    first = Interleaving("turns", turns=(("a2", 1_000),))
    scenario = Scenario(tasks, programs, first)
    run(replace(scenario, programs=(("a1", ()),), interleaving=Interleaving()), board, root)
    old = {path.name: path.read_bytes() for path in root.glob("*.json")}
    execution = run(scenario, board, root, MutatedThreads(mutation))
    known = acknowledged(execution, len(execution.trace))
    for file, data in old.items():
        Path(root, file).write_bytes(data)
    shutil.rmtree(root / INDEX)
    tokens = Acknowledged(frozenset(), tokens=known.tokens)
    for verdict in recover(board, root, tokens, has_one_counter=True).broken:
        if verdict.invariant == "S2":
            yield Conviction("an old file put back", "S2", verdict.words)


def _interleaved(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    run_one = _running(mutation, root)
    also = OPENS_AGAIN if name == "prune" else ()
    is_unlocked = mutation.label.startswith("flock") and mutation.how == "left out"
    partners = dict.fromkeys((*PARTNERS, *also, name))
    for most, partner, tasks in product((1, 2) if is_unlocked else (1,), partners, (1, 2)):
        begun = up_to_the_last_calls(pair_of((name, partner), tasks, _asks()), run_one)
        seen = explore(begun, run_one, preemptions_max=most, executions_max=EXECUTIONS_MAX)
        for execution in seen:
            yield from _judged("beside another agent", execution)


def _beside_a_reader(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    """Who waits for no lock may be amid its own call twice.

    One by one: to an exploration two descriptors do not conflict by bearing one number in turn.
    That is what only a descriptor that is closed can show.
    """
    if not mutation.label.startswith("close"):
        return
    run_one = _running(mutation, root)
    begun = up_to_the_last_calls(pair_of((name, "list_all"), 1, _asks()), run_one)
    turns = begun.interleaving.turns
    lengths = [_length(run_one(begun), agent) - effects for agent, effects in turns]
    for effects, meanwhile in product(*map(range, lengths)):
        stopped = (*turns, ("a1", effects), ("a2", meanwhile), ("a1", EFFECTS_MAX))
        execution = run_one(replace(begun, interleaving=Interleaving("turns", turns=stopped)))
        yield from _judged("beside another agent", execution)


def _length(execution: Execution, agent: str) -> int:
    return sum(step.agent == agent for step in execution.trace)


def _running(mutation: Mutation, root: Path) -> Run:
    return lambda scenario: run(scenario, board, root, MutatedThreads(mutation))


def _after_power_loss(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    for model in MODELS:
        execution = _run_recorded(mutation, name, root)
        forgotten = None if model == "K" else INDEX
        proof = PowerLoss(
            *(board, root, model, STATES_MAX, RECOVERIES_MAX),
            forgotten=forgotten,
            has_one_counter=True,
            restarts=restarted,
        )
        proof.take(execution)
        proof.recover_all()
        if proof.found is not None:
            verdict = proof.found[0]
            proof_name = "kill" if model == "K" else "power loss"
            yield Conviction(proof_name, verdict.invariant, verdict.words)


def _after_it_returned(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    """Once the call has returned the power fails: what it did lasts, if our board's does."""
    as_it_is = _files_left(run_recorded(_alone(name), board, root)[0])
    if len(as_it_is) == 1 and len(_files_left(_run_recorded(mutation, name, root))) > 1:
        yield Conviction("power loss", "lasts", f"{name} may be taken back after it has returned")


def _files_left(execution: Execution) -> set[tuple[tuple[str, bytes], ...]]:
    """What the tasks' files may hold after a power failure at the end."""
    log = execution.changes
    assert log is not None
    found = crash_states(log, len(log.changes), "E")
    return {tuple(file for file in one.files if "/" not in file[0]) for one in found.states}


def _run_recorded(mutation: Mutation, name: str, root: Path) -> Execution:
    gate = MutatedThreads(mutation, is_recorded=True)
    execution = run(_alone(name), board, root, gate)
    assert gate.recorder is not None
    return replace(execution, changes=gate.recorder.log)


def _archived(mutation: Mutation, name: str, root: Path) -> Iterator[Conviction]:
    """What a prune put away is there after a loss of power, and stays away."""
    if name != "prune":
        return
    execution = _run_recorded(mutation, name, root)
    for model in MODELS:
        for words in moving_losses(execution, model, "t1.json", ARCHIVE):
            yield Conviction("kill" if model == "K" else "power loss", "S14", words)


_CHEAPEST_FIRST: Final[tuple[Callable[[Mutation, str, Path], Iterator[Conviction]], ...]] = (
    _in_order,
    _with_an_old_file,
    _interleaved,
    _after_power_loss,
    _after_it_returned,
    _archived,
    _beside_a_reader,
)


def _judged(proof: str, execution: Execution) -> Iterator[Conviction]:
    for verdict in check(execution):
        if verdict.value == "violated":
            yield Conviction(proof, verdict.invariant, verdict.words)


def _asks() -> Sequence[str]:
    return ProvenBoard.named("proofs.our_board:TaskBoard").asks


def _alone(name: str) -> Scenario:
    scenario = pair_of((name, name), 1, _asks())
    second = PostedTask("t2", priority=6, created_at=START)
    return replace(scenario, tasks=(*scenario.tasks, second), programs=scenario.programs[:1])


def _one_after_the_other(name: str) -> Iterator[Scenario]:
    """Among four tasks of other orders; who goes on opens the board afterwards, or knows it."""
    own = _alone(name).programs[0][1]
    tasks = tuple(
        PostedTask(f"t{n}", priority=priority, created_at=START + n)
        for n, priority in ((1, 5), (2, 7), (3, 3), (4, 5))
    )
    warm = Interleaving("turns", turns=(("a2", 1_000),))
    for before in ((), (Ask("list_all"), Ask("claim_next"))):
        programs = (("a1", (*before, *own, *_LATER)), ("a2", _LATER))
        yield Scenario(tasks, programs)
    yield Scenario(tasks, (("a1", own), ("a2", (*_WORK, *_LATER))), warm)
    later = (("a1", own), ("a2", _LATER[len(_WORK) :]))  # once the lease is over
    yield Scenario(_alone(name).tasks, later)


def try_all(
    wanted: Sequence[Mutation], processes: int | None = None
) -> Iterator[tuple[Mutation, Conviction | None]]:
    """Each of these in order, and what convicts it.

    Each in a process of its own: some leave a lock of a module locked for ever.
    """
    with _pool(processes) as pool:
        yield from zip(wanted, pool.imap(_tried, wanted, chunksize=1), strict=True)


def all_mutations() -> list[Mutation]:
    """Of each operation of our board, in order."""
    with _pool(None) as pool:
        return [one for found in pool.map(_listed, operations(), chunksize=1) for one in found]


def _pool(processes: int | None) -> Pool:
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context.Pool(processes, maxtasksperchild=1)


def _listed(name: str) -> list[Mutation]:
    with _open() as root:
        return mutations(name, root)


def _tried(mutation: Mutation) -> Conviction | None:
    with _open() as root:
        return convicted(mutation, root)


@contextmanager
def _open() -> Iterator[Path]:
    logging.disable()
    memory = fast_directory(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(dir=memory) as folder, interception():
        yield Path(folder, "board")
