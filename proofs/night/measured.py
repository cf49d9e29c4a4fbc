"""What it costs to convict a broken board by the portfolio of a night."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from proofs.harness.gates import GATES
from proofs.harness.proven_board import ProvenBoard
from proofs.night.crew import Crew
from proofs.night.database import MEMORY
from proofs.night.found import Found
from proofs.night.schedule import SECONDS_MIN, playing, slots
from proofs.night.scratch import scratch
from proofs.night.turn import Turn

SEEDS: Final = (1, 2, 3)
SECONDS_MAX: Final = 60.0


def measured(board: str, invariant: str) -> float | None:
    """Seconds of all seeds the most, None if it was not convicted by one of them."""
    costs = []
    for seed in SEEDS:
        seconds = _seconds(board, invariant, seed)
        if seconds is None:
            return None
        costs.append(seconds)
    return round(max(costs), 2)


def _seconds(board: str, invariant: str, seed: int) -> float | None:
    members, _ = playing(ProvenBoard.named(board), (), SECONDS_MAX)
    order, began = slots(members, GATES, seed), time.monotonic()
    done = False

    def following(number: int) -> Turn | None:
        if done or time.monotonic() - began > SECONDS_MAX:
            return None
        member, gate, own = next(order)
        return Turn(member, gate, board, own, SECONDS_MIN, MEMORY, str(folder), invariant)

    with scratch(MEMORY) as (boards, temporary), tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with Crew(1, boards, temporary) as crew:
            for told in crew.play(following):
                if isinstance(told, Found) and not done:
                    done, seconds = True, time.monotonic() - began
    return seconds if done else None
