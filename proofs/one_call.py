"""Scenarios of one call: an agent comes to it, something happens amid it, and another goes on.

A call is what can be asked of a board, or one of ``SPECIAL``: what a plain ask does not reach, for
it takes a board in another state. Kills and errors are tried amid all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proofs.harness.proven_board import ProvenBoard
from proofs.our_board import MENDED
from proofs.pairs import pair_of
from strategies.damage import Damage
from strategies.programs import Ask, Program
from strategies.scenarios import START, PostedTask, Scenario

ONE: Final = "a1"
"""The agent whose last call it is; if it has none, it is the opening of the board."""

_WORK: Final = ("claim_next", "complete")
AFTERWARDS: Final = (*_WORK, "advance", *_WORK, "claim_next", "list_all")
"""What another agent does then: it looks for work, lets a lease run out, and looks again."""

_ATTEMPTS_MAX: Final = 20
"""A board that grants a task more often than that before it gives it up is not asked for it."""
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Special:
    """A call on a board in a state of its own: what ``ONE`` asks, last of all the call.

    ``before`` is what another agent has done by then; ``until_used_up`` as often as a task has
    attempts. ``on_none``: there is no board yet, and who goes on posts a task first. ``damage`` was
    done to the files of the tasks.
    """

    program: tuple[str, ...]
    before: tuple[str, ...] = ()
    until_used_up: bool = False
    on_none: bool = False
    damage: tuple[Damage, ...] = ()


_HELD: Final = ("claim", "advance")
_CUT: Final = (Damage("cut", "t1.json", number=40),)

SPECIAL: Final[dict[str, Special]] = {
    "open": Special(()),
    "open (no board)": Special((), on_none=True),
    "claim (lapsed)": Special(("claim",), _HELD),
    "claim_next (lapsed)": Special(("claim_next",), _HELD),
    "claim (used up)": Special(("claim",), _HELD, until_used_up=True),
    "claim_next (used up)": Special(("claim_next",), _HELD, until_used_up=True),
    "claim_next (damaged)": Special(("advance", "claim_next"), damage=_CUT),
}
"""By name: the board is opened, where it is there and where there is none; a claim that lapsed is
taken over, or is the last that the task had; a damaged file is put away."""


KEPT_BOARD: Final = "proofs.our_board:KeptTaskBoard"
UPKEEP: Final = {"restore": "post", "rebuild_index": "get"}
"""What people ask of our board, by what ``KEPT_BOARD`` does instead of it."""


def calls_of(board: ProvenBoard) -> list[str]:
    """All that can be asked of it, and what of ``SPECIAL`` applies; time alone is none.

    Of ``KEPT_BOARD`` it is ``UPKEEP``.
    """
    if board.text == KEPT_BOARD:
        return list(UPKEEP)
    special = [name for name, one in SPECIAL.items() if _applies(one, board)]
    return [*(name for name in board.asks if name != "advance"), *special]


def scenario_of(board: ProvenBoard, name: str, afterwards: Sequence[str] = AFTERWARDS) -> Scenario:
    """One agent that does this last, on two tasks, and another one that goes on, named last."""
    if name in SPECIAL:
        return _special(board, SPECIAL[name], afterwards)
    ask = UPKEEP.get(name, name)
    pair = pair_of((ask, ask), 1, board.asks)
    second = PostedTask("t2", created_at=pair.tasks[0].created_at + 1)
    then = _program(board, afterwards)
    return Scenario((*pair.tasks, second), (pair.programs[0], ("a2", then)))


def before_others(scenario: Scenario) -> Scenario:
    """The same without the agent that goes on."""
    return replace(scenario, programs=scenario.programs[:-1])


def lost_by(board: ProvenBoard, files: Iterable[str]) -> list[str]:
    """Which tasks that a person had mended are neither on the board nor in quarantine, by all files
    that are there.
    """
    there = {name.rpartition("/")[2] for name in files}
    mended = MENDED if board.text == KEPT_BOARD else ()
    return [task_id for task_id in mended if f"{task_id}.json" not in there]


def _special(board: ProvenBoard, one: Special, afterwards: Sequence[str]) -> Scenario:
    tasks = tuple(PostedTask(f"t{n + 1}", created_at=START + n) for n in range(2))
    times = (board.promises.attempts_max or 1) if one.until_used_up else 1
    before = _program(board, one.before * times)
    then = _program(board, afterwards)
    if one.on_none:
        tasks, then = (), (Ask("post", "n1", fenced=False), *then) if then else ()
    holder = (("a0", before),) if before else ()
    programs = (*holder, (ONE, _program(board, one.program)), ("a2", then))
    return Scenario(tasks, programs, damage=one.damage)


def _applies(one: Special, board: ProvenBoard) -> bool:
    promises = board.promises
    lapses = not math.isinf(promises.lease_seconds)
    if one.before and not (lapses and "claim" in board.asks):
        return False
    if one.until_used_up and not 1 <= (promises.attempts_max or 0) <= _ATTEMPTS_MAX:
        return False
    if one.damage and not promises.include("S12"):
        return False
    return set(one.program) <= set(board.asks)


def _program(board: ProvenBoard, names: Sequence[str]) -> Program:
    """These asks, as far as the board has them; who cannot look for work asks for a task."""
    look = "claim_next" if "claim_next" in board.asks else "claim"
    wanted = [look if name == "claim_next" else name for name in names]
    return tuple(_ask(n, board.promises.lease_seconds) for n in wanted if n in board.asks)


def _ask(name: str, lease_seconds: float) -> Ask:
    if name == "advance":
        return Ask(name, seconds=min(lease_seconds, _DAY_SECONDS))
    return Ask(name, "t1", fenced=False) if name == "claim" else Ask(name)
