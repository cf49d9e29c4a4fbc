"""Before anything else a night shows that it can find anything: a board with a planted bug.

What each costs was measured with ``python -m proofs.night.canary``, one after the other under the
whole portfolio, and is kept beside this file: the seconds of the slowest of three seeds, in all
workers together. Boards that the portfolio does not convict in a minute are not in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from proofs.harness.gates import GateName
from proofs.night.seeds import seed_of

FORMAT: Final = "swarm-proofs/canaries"
SHARE: Final = 20
"""It may cost one part of so many of the budget."""

FEWEST: Final = 3
"""Where less than that many cost as little, the cheapest are drawn from."""

_MOST: Final = 4
"""It may take up to one part of so many, and never less than ``_SECONDS_MIN``."""

_SECONDS_MIN: Final = 20.0


@dataclass(frozen=True, slots=True)
class Canary:
    """A broken board, the invariant of which it is to be convicted, and where it can be."""

    board: str
    invariant: str
    gate: str
    cost_seconds: float

    @property
    def name(self) -> str:
        """For people."""
        return self.board.partition(":")[0].rpartition(".")[2]

    def seconds_max(self, budget_seconds: float) -> float:
        """After so many it is not found: far more than it costs, on a slow machine too."""
        return max(_SECONDS_MIN, budget_seconds / _MOST)


def canaries() -> list[Canary]:
    """All whose cost is known, the cheapest first."""
    text = files("proofs.night").joinpath("canaries.json").read_text(encoding="utf-8")
    measured: dict[str, Any] = json.loads(text)["seconds"]
    found = [_canary(name, seconds) for name, seconds in measured.items()]
    return sorted(found, key=lambda one: (one.cost_seconds, one.name))


def drawn(
    every: Sequence[Canary], budget_seconds: float, gates: Sequence[GateName], seed: int
) -> Canary:
    """Another one each night, of those that cost little enough and can be shown at these gates."""
    fit = [one for one in every if one.gate == "threads" or one.gate in gates]
    cheap = [one for one in fit if one.cost_seconds <= budget_seconds / SHARE]
    pool = cheap if len(cheap) >= FEWEST else fit[:FEWEST]
    return random.Random(seed_of(seed, "canary")).choice(pool)


def _canary(name: str, seconds: float) -> Canary:
    module = import_module(f"proofs.broken_boards.{name}")
    gate = getattr(module, "GATE", "threads")
    return Canary(f"{module.__name__}:Board", module.INVARIANT, gate, seconds)


def main() -> None:
    """Measure what each costs, and write it down."""
    from proofs.night.measured import measured
    from proofs.planted_bugs import EVERY, name_of

    costs = {}
    for module in EVERY:
        seconds = measured(f"{module.__name__}:Board", module.INVARIANT)
        told = "not convicted" if seconds is None else f"{seconds:.2f} s"
        print(f"{name_of(module)}: {told}", flush=True)
        if seconds is not None:
            costs[name_of(module)] = seconds
    path = Path(__file__).with_name("canaries.json")
    fields = {"format": FORMAT, "version": 1, "seconds": costs}
    path.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
