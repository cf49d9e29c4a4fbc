"""Who has a turn next: rounds of the whole portfolio, each in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from proofs.harness.gates import GATES, GateName
from proofs.harness.proven_board import ProvenBoard
from proofs.night.members import PORTFOLIO, Member
from proofs.night.seeds import seed_of
from proofs.night.tally import Tally

SECONDS_MAX: Final = 3.0
SECONDS_MIN: Final = 0.3
ALONE_SECONDS: Final = 30.0
"""A turn of a member that is the only one: so that one seed repeats all of it."""

_TURNS: Final = 100
"""About so many turns each process has in a short night."""


class Slot(NamedTuple):
    """A member, at a gate, with a seed for its turn."""

    member: str
    gate: GateName
    seed: int


def turn_seconds(budget_seconds: float, members: int) -> float:
    """How long a turn is."""
    most = ALONE_SECONDS if members == 1 else SECONDS_MAX
    return min(most, max(SECONDS_MIN, budget_seconds / _TURNS))


def playing(
    board: ProvenBoard, only: Sequence[str], budget_seconds: float
) -> tuple[list[Member], dict[str, str]]:
    """The members that have something to do with a board; of the others why not."""
    asked = [member for member in PORTFOLIO if not only or member.name in only]
    why_not = {
        member.name: member.why_not(board) or (None if only else _too_short(member, budget_seconds))
        for member in asked
    }
    return (
        [member for member in asked if why_not[member.name] is None],
        {name: why for name, why in why_not.items() if why is not None},
    )


def _too_short(member: Member, budget_seconds: float) -> str | None:
    least = member.budget_seconds_min
    if budget_seconds >= least:
        return None
    return f"it takes part from --budget {least / 60:g}m on, and this was {budget_seconds:g}s"


def next_fair(order: Iterator[Slot], members: Mapping[str, Member], tally: Tally) -> Slot:
    """The next whose member has not had more than its share of the time; any, if all have."""
    for slot in islice(order, len(members) * len(GATES)):
        if _is_within_its_share(members[slot.member], tally):
            return slot
    return next(order)


def seconds_of(member: Member, usual: float, budget_seconds: float) -> float:
    """How long a turn of this member is."""
    own = member.turn_seconds
    if member.turn_part is not None:
        own = member.turn_part * budget_seconds
    return min(own or usual, max(SECONDS_MIN, member.share * budget_seconds))


def _is_within_its_share(member: Member, tally: Tally) -> bool:
    lines = tally.lines.values()
    own = sum(line.seconds for line in lines if line.member == member.name)
    return own <= member.share * sum(line.seconds for line in lines)


def slots(members: Sequence[Member], gates: Sequence[GateName], seed: int) -> Iterator[Slot]:
    """Without end; the first one has the seed of the night itself."""
    every = [(one.name, gate) for one in members for gate in one.gates if gate in gates]
    number = 0
    while every:
        order = list(every)
        random.Random(seed_of(seed, "round", number)).shuffle(order)
        for member, gate in order:
            yield Slot(member, gate, seed if number == 0 else seed_of(seed, number))
            number += 1
