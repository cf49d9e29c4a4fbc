"""What a round of a soak does: tasks, programs and kills, drawn from a seed.

Which agent comes first, and in the middle of what it is killed, is left to the machine.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from strategies.programs import TYPES, Ask, Program
from strategies.scenarios import START, PostedTask

Kind = Literal["polling", "mixed", "lapsing"]

TASKS_MAX: Final = 8
CALLS: Final = 16
"""How many calls about an agent makes in a round: few, so that a history can be read."""

_THEN: Final = ("complete", "complete", "complete", "release", "fail", "retry", "cancel", "start")
_BY_ID: Final = ("claim", "cancel", "requeue", "complete", "release")
_LOOKS: Final = ("get", "get_pending", "get_claimable", "get_by_type", "list_all")
_QUICK: Final[tuple[Kind, ...]] = ("polling", "mixed")
"""One in eight waits for leases to lapse, and takes as long as ten of these."""
_KILLS: Final = (0, 0, 0, 0, 1, 1, 2)
"""Each takes a new interpreter, a third of a second of a processor."""


@dataclass(frozen=True, slots=True)
class Round:
    """``kills`` are moments, in parts of how long such a round usually takes.

    ``lease_seconds`` is the lease that claims have. ``asks`` is what the board can be asked.
    """

    seed: str
    kind: Kind
    tasks: tuple[PostedTask, ...]
    kills: tuple[float, ...]
    lease_seconds: float
    asks: frozenset[str]

    @staticmethod
    def drawn(
        seed: int, number: int, asks: Collection[str], lease_seconds: float, *, can_lapse: bool
    ) -> Round:
        """The round of this number."""
        chance = random.Random(f"{seed}/{number}")
        tasks = tuple(
            PostedTask(f"t{place + 1}", chance.choice(TYPES), chance.randint(4, 6), START - place)
            for place in range(chance.randint(1, TASKS_MAX))
        )
        kills = tuple(sorted(chance.random() for _ in range(chance.choice(_KILLS))))
        kind = "lapsing" if can_lapse and number % 8 == 1 else chance.choice(_QUICK)
        return Round(f"{seed}/{number}", kind, tasks, kills, lease_seconds, frozenset(asks))

    def program(self, agent: str) -> Program:
        """What this agent is to ask."""
        chance = random.Random(f"{self.seed}/{agent}")
        program = self._programs(chance)
        return tuple(ask for ask in program if ask.name in self.asks)

    def _programs(self, chance: random.Random) -> list[Ask]:
        if self.kind == "polling":
            return self._polls()
        if self.kind == "mixed":
            return self._mixed(chance, CALLS)
        asks = self._mixed(chance, CALLS // 4)
        for _ in range(2):
            part = chance.choice((0.3, 1.1, 1.1))
            late = [Ask(chance.choice(("complete", "renew", "release")))]
            asks += [self._grant(chance), Ask("advance", seconds=part * self.lease_seconds), *late]
            asks += self._mixed(chance, CALLS // 4)
        return asks

    def _polls(self) -> list[Ask]:
        """Look for work and do it until there is none; without such a look, try each by its id."""
        if "claim_next" in self.asks:
            each = [Ask("claim_next"), Ask("complete")]
            return [*each * len(self.tasks), Ask("claim_next")]
        by_id = ([Ask("claim", t.task_id, fenced=False), Ask("complete")] for t in self.tasks)
        return [ask for pair in by_id for ask in pair]

    def _mixed(self, chance: random.Random, calls: int) -> list[Ask]:
        asks: list[Ask] = []
        while len(asks) < calls:
            draw = chance.random()
            if draw < 0.6:
                asks += [self._grant(chance), Ask(chance.choice(_THEN))]
            elif draw < 0.75:
                asks.append(Ask(chance.choice(_BY_ID), self._any_id(chance), fenced=False))
            elif draw < 0.9:
                asks.append(self._look(chance))
            elif draw < 0.97:
                asks.append(Ask("post", chance.choice(("new1", "new2", self._any_id(chance)))))
            else:
                asks.append(Ask("prune"))
        return asks

    def _grant(self, chance: random.Random) -> Ask:
        if "claim_next" not in self.asks:
            return Ask("claim", self._any_id(chance), fenced=False)
        types = (chance.choice(TYPES),) if chance.random() < 0.2 else None
        return Ask("claim_next", types=types)

    def _look(self, chance: random.Random) -> Ask:
        name = chance.choice(_LOOKS)
        if name == "get":
            return Ask(name, self._any_id(chance))
        types = (chance.choice(TYPES),) if name == "get_by_type" else None
        seconds = chance.choice((0.0, self.lease_seconds)) if name == "get_claimable" else 0.0
        return Ask(name, seconds=seconds, types=types)

    def _any_id(self, chance: random.Random) -> str:
        return chance.choice(self.tasks).task_id
