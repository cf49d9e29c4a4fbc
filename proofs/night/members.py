"""The portfolio: each member is another way to look for what breaks a board.

What one of them finds in seconds another one misses for ever: a walk finds shallow races soonest,
priorities those that need one precise stop and then a long run, and what needs a fault or damage
neither. So each has its turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from hypothesis import strategies as st

from proofs.harness.crash_proof import CrashProof
from proofs.harness.exhaustive import explore, up_to_the_last_calls
from proofs.harness.gates import GATES, GateName
from proofs.harness.proof import ViolatedError
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import UnknownError
from proofs.night.deep import deep_turn
from proofs.night.found import Found
from proofs.night.machine import NAME, machine_turn
from proofs.night.mutated import mutated
from proofs.night.soaks import NAME as SOAK
from proofs.night.soaks import soak_turn
from proofs.night.stage import Stage
from proofs.night.swept import swept
from proofs.pairs import EXECUTIONS_MAX, pair_of, pairs
from proofs.proving import OUR_BOARD
from proofs.restarts import restarted
from strategies.interleavings import few_switches, priority_changes, random_walks
from strategies.scenarios import Scenario, damaged_scenarios, polling_scenarios, scenarios


class Member(NamedTuple):
    """``play`` takes one turn; ``why_not`` says why it has nothing to do with a board, if so.

    ``opens_itself``: it opens the doors by itself, so they must be closed when its turn begins.
    ``turn_seconds`` are those of one turn, or ``turn_part`` is that part of the budget; None: as of
    the others. It has no more than ``share`` of the time of all, and none at all in a night with
    less than ``budget_seconds_min``.
    """

    name: str
    play: Callable[[Stage], None]
    gates: tuple[GateName, ...] = GATES
    why_not: Callable[[ProvenBoard], str | None] = lambda board: None
    opens_itself: bool = False
    turn_seconds: float | None = None
    turn_part: float | None = None
    share: float = 1.0
    budget_seconds_min: float = 0.0


_KINDS: Final = {
    "random walk": lambda agents, effects: random_walks(),
    "PCT": lambda agents, effects: priority_changes(effects=effects),
    "few preemptions": lambda agents, effects: few_switches(agents, effects=effects),
}


def _interleaved(stage: Stage, kind: str) -> None:
    """Whatever agents ask, interleaved in one of these ways."""
    asked = stage.board.asks
    stage.sample(
        scenarios(names=asked, lease_seconds=stage.lease_seconds, interleaved=_KINDS[kind])
    )


def _polling(stage: Stage) -> None:
    """Agents that look for work until there is none left."""
    stage.sample(polling_scenarios(stage.board.asks, lease_seconds=stage.lease_seconds))


def _mutations(stage: Stage) -> None:
    """What reached something new, changed a little; the corpus is read once a turn."""
    entries = [one.scenario for one in stage.corpus.entries() if one.gate == stage.gate]
    chance = stage.chance()
    while entries and not stage.until.is_over:
        scenario = mutated(chance, chance.choice(entries), chance.choice(entries))
        stage.judge.examine(scenario)


def _pairs(stage: Stage) -> None:
    """Every interleaving of two operations with at most two preemptions, pair by pair."""
    chance, asks = stage.chance(), stage.board.asks
    wanted = [(pair, tasks) for pair in pairs(asks) for tasks in (1, 2)]
    chance.shuffle(wanted)
    run = partial(stage.gates.run, gate=stage.gate)
    for pair, tasks in wanted:
        scenario = up_to_the_last_calls(pair_of(pair, tasks, asks), run)
        for execution in explore(scenario, run, executions_max=EXECUTIONS_MAX):
            stage.judge.take(execution)
            if stage.until.is_over:
                return


def _faults(stage: Stage) -> None:
    """A few faults wherever Hypothesis puts them."""
    stage.sample(_with_faults(stage, faults_max=3))


def _with_faults(stage: Stage, faults_max: int) -> st.SearchStrategy[Scenario]:
    return scenarios(
        agents_max=3,
        names=stage.board.asks,
        lease_seconds=stage.lease_seconds,
        faults_max=faults_max,
        can_kill=stage.gate == "processes",
    )


def _sweep(stage: Stage) -> None:
    """A scenario without any fault, and then once with a fault at each of its effects."""
    chance = stage.chance()

    def sweep(scenario: Scenario) -> None:
        plain = stage.judge.examine(scenario)
        for fault in swept(chance, plain.trace, stage.gate, stage.lease_seconds):
            stage.until.check()
            stage.judge.strike(replace(scenario, faults=(fault,)))

    stage.each(_with_faults(stage, faults_max=0), sweep)


def _damage(stage: Stage) -> None:
    """Files that are damaged before the agents begin."""
    asked = scenarios(names=stage.board.asks, lease_seconds=stage.lease_seconds)
    stage.sample(damaged_scenarios(asked, is_ours=stage.board.text == OUR_BOARD))


def _crashes(stage: Stage) -> None:
    """What a power loss may leave at each moment of an execution, and the board opened on that."""
    proof = CrashProof(
        *("crashes", stage.gates, stage.folder, restarted),
        invariant=stage.judge.canary,
        states_max=20,
        recoveries_max=50,
    )
    asked = scenarios(
        agents_max=2, asks_max=4, names=stage.board.asks, lease_seconds=stage.lease_seconds
    )
    try:
        stage.each(asked, proof.examine)
    except ViolatedError as error:
        text, [words, *_] = str(error), str(error).splitlines()
        board, invariant = stage.board.text, words.partition(" ")[0]
        stage.judge.note(Found(str(proof.path), board, stage.gate, invariant, words, text))
    except UnknownError as error:
        stage.judge.unknown[str(error)] += 1
    finally:
        if proof.coverage.executions:
            _take_in(stage, proof)


def _take_in(stage: Stage, proof: CrashProof) -> None:
    """What crashes showed; the words of their cells would tell of this turn alone."""
    told = proof.conclude()
    stage.judge.coverage.merge(proof.coverage)
    if told.verdict == "holds" and proof.conviction is None:
        stage.judge.judged.update(told.invariants)
    for cell in told.cells:
        stage.judge.cells[replace(cell, count=1, words="")] += cell.count


def _loses_no_power(board: ProvenBoard) -> str | None:
    if board.promises.persistence is None:
        return "the board promises nothing of what is left after a crash"
    return None


def _contains_no_damage(board: ProvenBoard) -> str | None:
    return None if board.promises.include("S12") else "the board does not promise to contain damage"


def is_not_ours(board: ProvenBoard) -> str | None:
    """Why the state machine has nothing to do with it."""
    return None if board.text == OUR_BOARD else "it is for our own board"


PORTFOLIO: Final = (
    *(Member(kind, partial(_interleaved, kind=kind)) for kind in _KINDS),
    Member("mutations", _mutations),
    Member("polling", _polling),
    Member("pairs", _pairs, ("threads",)),
    Member("faults", _faults),
    Member("fault sweeps", _sweep),
    Member("damage", _damage, why_not=_contains_no_damage),
    Member("crashes", _crashes, ("threads",), _loses_no_power),
    Member(NAME, machine_turn, ("threads",), is_not_ours, opens_itself=True),
    Member(
        *(SOAK, soak_turn, ("processes",)),
        opens_itself=True,
        turn_seconds=20.0,
        share=0.1,
        budget_seconds_min=60.0,
    ),
    Member(
        *("deep proofs", deep_turn, ("threads",), is_not_ours),
        opens_itself=True,
        turn_part=0.1,
        share=0.2,
        budget_seconds_min=300.0,
    ),
)
"""What a night consists of. One that is added here has its turns, and its line in the report."""

NAMES: Final = tuple(member.name for member in PORTFOLIO)
