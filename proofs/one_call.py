"""Scenarios of one call: an agent comes to it, something happens amid it, and another goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proofs.harness.proven_board import ProvenBoard
from proofs.pairs import pair_of
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

_WORK: Final = ("claim_next", "complete")
AFTERWARDS: Final = (*_WORK, "advance", *_WORK, "claim_next", "list_all")
"""What another agent does then: it looks for work, lets a lease run out, and looks again."""


def scenario_of(board: ProvenBoard, name: str, afterwards: Sequence[str] = AFTERWARDS) -> Scenario:
    """One agent that does this last, on two tasks, and another one that goes on."""
    pair = pair_of((name, name), 1, board.asks)
    look = "claim_next" if "claim_next" in board.asks else "claim"  # of the task that is there
    wanted = [look if ask == "claim_next" else ask for ask in afterwards]
    then = tuple(_ask(ask, board.promises.lease_seconds) for ask in wanted if ask in board.asks)
    second = PostedTask("t2", created_at=pair.tasks[0].created_at + 1)
    return Scenario((*pair.tasks, second), (pair.programs[0], ("a2", then)))


def _ask(name: str, lease_seconds: float) -> Ask:
    if name == "advance":
        return Ask(name, seconds=min(lease_seconds, 86_400.0))
    return Ask(name, "t1", fenced=False) if name == "claim" else Ask(name)
