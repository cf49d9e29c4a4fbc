"""Each pair of operations, in every interleaving with at most two preemptions.

Two agents have opened the board, and have done what their operations need before them; from there
on each asks for one thing. On one task both ask for the same one; on two each has one of its own,
and what concerns the whole board sees both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations_with_replacement
from typing import Final

from proofs.harness.exhaustive import PREEMPTIONS_MAX, explore, up_to_the_last_calls
from proofs.harness.proof import Proof
from proofs.harness.verdict import UnknownError
from strategies.programs import TYPES, Ask, Program
from strategies.scenarios import START, PostedTask, Scenario

Pair = tuple[str, str]

EXECUTIONS_MAX: Final = 5_000
"""For one pair of operations; ours needs some 100."""

EXECUTIONS_LEFT: Final = 500
"""For each further one, once one needs more than that."""

_LISTINGS: Final = ("list_all", "get_pending", "get_claimable")

_LOOKS: Final = frozenset({"get", "get_by_type", "get_results_by_parent", *_LISTINGS})

_BEFORE: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("complete", "release", "start", "renew", "fail", "retry"), ()),
    "requeue": ("fail",),
    "prune": ("complete",),
}
"""What an agent that was granted a task has to do before, so that an operation can succeed."""

_ON_THE_BOARD: Final = frozenset(
    {"claim_next", "get_pending", "get_claimable", "get_results_by_parent", "list_all"}
)


def telling(names: Sequence[str]) -> list[Pair]:
    """Those pairs of these operations that show most: a claim beside another, an end or a look."""
    listing = next((name for name in _LISTINGS if name in names), None)
    claim = "claim_next" if "claim_next" in names else "claim"
    return [
        pair
        for pair in pairs([n for n in names if n in (claim, "complete", listing)])
        if claim in pair
    ]


def pairs(names: Sequence[str]) -> list[Pair]:
    """All pairs of these operations, but for two that only look; time alone is none."""
    both = combinations_with_replacement([n for n in names if n != "advance"], 2)
    return [pair for pair in both if not _LOOKS.issuperset(pair)]


def pair_of(pair: Pair, tasks: int, names: Sequence[str]) -> Scenario:
    """Two agents with one of the operations each, on the one task or on one each.

    ``names`` are the operations that the board has.
    """
    posted = tuple(PostedTask(f"t{n + 1}", created_at=START + n) for n in range(tasks))
    own = ("t1", "t1") if tasks == 1 else ("t1", "t2")
    is_held = tasks == 1 and pair[0] in _BEFORE  # then the second agent has no claim to it
    programs = (
        ("a1", _program(pair[0], own[0], names, may_hold=True)),
        ("a2", _program(pair[1], own[1], names, may_hold=not is_held)),
    )
    return Scenario(posted, programs)


def exhaust(proof: Proof, pair: Pair, tasks: int, *, executions_max: int = EXECUTIONS_MAX) -> bool:
    """All of one pair; false if there is more past the bound. Raises what ``Proof.take`` does."""
    run = partial(proof.gates.run, gate=proof.gate)
    scenario = up_to_the_last_calls(pair_of(pair, tasks, proof.gates.board.asks), run)
    exploration = explore(scenario, run, executions_max=executions_max)
    for execution in exploration:
        proof.take(execution)
    return exploration.exhausted


def exhaust_all(proof: Proof, wanted: Sequence[Pair], *, must_end: bool = True) -> None:
    """All of these pairs, on one task and on two; the proof says so when it concludes.

    A pair that has too many interleavings makes it a sample of them, and is told; if it
    ``must_end``, ``UnknownError`` is raised.
    """
    cut: list[str] = []
    for pair in wanted:
        for tasks in (1, 2):
            most = EXECUTIONS_LEFT if cut else EXECUTIONS_MAX
            if exhaust(proof, pair, tasks, executions_max=most):
                continue
            on = f"{' and '.join(pair)} on {tasks} task{'s' * (tasks > 1)}"
            if must_end:
                words = f"{on} have more than {most:,} executions"
                raise UnknownError(f"{words}, and were not exhausted")
            cut.append(f"{on} (cut off after {most:,} runs)")
    count = f"{len(wanted)} pair{'' if len(wanted) == 1 else 's'} of operations"
    proof.extent = "sampled" if cut else "exhausted"
    every = "interleavings" if cut else "every interleaving"
    proof.space = (
        f"{count} on one task and on two, {every} with at most {PREEMPTIONS_MAX} preemptions"
    )
    if cut:
        proof.space += f", not all of them for {', '.join(cut)}"


def _program(name: str, task_id: str, names: Sequence[str], *, may_hold: bool) -> Program:
    if name in _ON_THE_BOARD:
        return (Ask(name),)
    if name == "get_by_type":
        return (Ask(name, types=TYPES[:1]),)
    if name in _BEFORE and may_hold:
        claim = Ask("claim", task_id, fenced=False) if "claim" in names else Ask("claim_next")
        return (claim, *map(Ask, _BEFORE[name]), Ask(name))
    if name == "prune":
        return (Ask(name),)
    if name == "post":
        return (Ask(name, task_id.replace("t", "n"), fenced=False),)
    return (Ask(name, task_id, fenced=False),)
