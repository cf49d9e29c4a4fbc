"""One round of a soak, as it happens: orders out, kills at their moments, journals in."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from proofs.harness.answers import UnfitBoardError
from proofs.harness.history import Operation
from proofs.soak.crew import Crew, Member
from proofs.soak.journal import Journal, agents_with_parts, read_calls
from proofs.soak.merging import merged
from proofs.soak.rounds import Round

TICK_SECONDS: Final = 0.25
IMPORT_SECONDS_MAX: Final = 120.0


@dataclass(slots=True)
class Played:
    """What came of a round. ``stuck`` and ``unseen`` are as of an ``Execution``.

    ``seconds`` is how long the first to be done was at work; ``killed`` are those that were killed;
    ``has_parts`` those that had threads or children of their own.
    """

    round: Round
    operations: list[Operation] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)
    killed: list[str] = field(default_factory=list)
    has_parts: frozenset[str] = frozenset()
    final: list[dict[str, Any]] | None = None
    final_error: str | None = None
    stuck: str | None = None
    unseen: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _StuckError(Exception):
    """Nobody gets any further."""


@dataclass(slots=True)
class _Patience:
    """Counts the ticks in which nothing was written down, and nobody told anything.

    Ticks are counted and no clock is read, so a machine that slept makes nobody hang.
    """

    ticks: int = 0
    seen: object = None

    def tick(self, seen: object) -> float:
        """For how many seconds nothing has happened."""
        self.ticks = self.ticks + 1 if seen == self.seen else 0
        self.seen = seen
        return self.ticks * TICK_SECONDS


class Play:
    """A round of ``agents`` agents in ``directory``, which is theirs.

    ``lease_seconds`` is what the board is opened with, None where it takes no lease. ``usual`` is
    how long such a round usually takes, in seconds. ``patience_seconds`` is for how long nothing at
    all may happen.
    """

    def __init__(
        self,
        crew: Crew,
        one: Round,
        directory: Path,
        *,
        lease_seconds: float | None,
        usual: float,
        patience_seconds: float,
    ) -> None:
        self._crew, self._round, self._directory = crew, one, directory
        self._patience_seconds = patience_seconds
        self._common = {"root": str(directory / "board"), "lease_seconds": lease_seconds}
        self._chance = random.Random(f"{one.seed}/kills")
        self._kills = deque(usual * part for part in one.kills)
        self._busy: dict[Member, str] = {}
        self._named = 0
        self._began = 0.0
        self._played = Played(one)

    def run(self) -> Played:
        """Raises ``UnfitBoardError``."""
        self._crew.fill()
        self._wait_until_all_are_up()
        played = self._played
        try:
            self._alone("post", tasks=[task.to_json() for task in self._round.tasks])
        except _StuckError:
            words = "post must come to an end where nobody else is at work"
            raise UnfitBoardError(words) from None
        try:
            self._work()
            told = self._alone("show")
            played.final, played.final_error = told["final"], told.get("final_error")
        except _StuckError:
            played.stuck = self._give_up()
        calls = [
            call for path in sorted(self._directory.glob("*.jsonl")) for call in read_calls(path)
        ]
        played.operations, played.has_parts = merged(calls), agents_with_parts(calls)
        return played

    def _wait_until_all_are_up(self) -> None:
        """But for the spare one: who begins late meets fewer others."""
        patience = _Patience()
        while not all(member.is_up for member in self._crew.members[:-1]):
            if not self._hear(TICK_SECONDS):
                self._wait(patience.tick(None), self._crew.members)

    def _work(self) -> None:
        self._began = began = time.monotonic()
        for member in self._crew.members[:-1]:
            self._begin(member)
        patience = _Patience()
        while self._busy:
            due = began + self._kills[0] - time.monotonic() if self._kills else math.inf
            if due <= 0:
                self._kills.popleft()
                self._kill_one()
            elif not self._hear(min(due, TICK_SECONDS)) and due > TICK_SECONDS:
                self._wait(patience.tick(self._written()), self._busy)

    def _wait(self, seconds: float, members: Iterable[Member]) -> None:
        """Raises ``_StuckError`` if nothing has happened for too long; who starts may take longer.

        Raises ``UnfitBoardError`` where that does not end.
        """
        if all(member.is_up for member in members):
            if seconds >= self._patience_seconds:
                raise _StuckError
        elif seconds >= IMPORT_SECONDS_MAX:
            raise UnfitBoardError(f"the board must be imported within {IMPORT_SECONDS_MAX:g} s")

    def _begin(self, member: Member) -> None:
        self._named += 1
        agent = f"a{self._named}"
        self._busy[member] = agent
        asks = [ask.to_json() for ask in self._round.program(agent)]
        member.order(
            do="work",
            agent=agent,
            asks=asks,
            is_polling=self._round.kind == "polling",
            journal=str(self._journal(agent)),
            **self._common,
        )

    def _kill_one(self) -> None:
        """Whoever is at work, in whatever it does; another one takes its place."""
        up = [member for member, agent in self._busy.items() if self._journal(agent).exists()]
        if not up:
            return
        member = self._chance.choice(up)
        agent = self._busy.pop(member)
        self._crew.kill(member)
        self._bury(agent)
        self._played.killed.append(agent)
        self._crew.fill()
        free = [other for other in self._crew.members if other not in self._busy]
        self._begin(free[0])

    def _hear(self, seconds: float) -> bool:
        """Take what they tell; whether anybody told anything."""
        heard = False
        for member in self._crew.hear(seconds):
            heard = True
            while member.told:
                self._take(member, member.told.pop(0))
            if member.is_gone:
                self._mourn(member)
        return heard

    def _take(self, member: Member, told: dict[str, Any]) -> None:
        if "unfit" in told:
            raise UnfitBoardError(told["unfit"])
        del self._busy[member]
        self._played.seconds = self._played.seconds or time.monotonic() - self._began
        self._played.lacking |= set(told["lacking"])

    def _mourn(self, member: Member) -> None:
        """One has ended that nobody killed: what its calls came to, and why, is not known."""
        errors, agent = member.last_errors(), self._busy.pop(member, None)
        status = self._crew.kill(member)
        if agent is None:
            words = f"must stay alive while nothing is asked of it, ended with {status}: {errors}"
            raise UnfitBoardError(f"an agent {words}")
        self._bury(agent)
        self._played.unseen.append(f"{agent} ended by itself, with exit code {status}: {errors}")

    def _alone(self, do: str, **order: Any) -> dict[str, Any]:
        """Have one do something while nobody else is at work. Raises ``_StuckError``."""
        member, patience = self._crew.members[0], _Patience()
        member.order(do=do, **order, **self._common)
        while not member.told:
            heard = list(self._crew.hear(TICK_SECONDS))
            if member.is_gone and not member.told:
                errors = member.last_errors()
                raise UnfitBoardError(f"{do} must leave its process alive: {errors}")
            if not heard:
                self._wait(patience.tick(None), [member])
        told = member.told.pop()
        if "unfit" in told:
            raise UnfitBoardError(told["unfit"])
        return told

    def _give_up(self) -> str:
        """Nobody gets any further: end all, and say who was in the middle of what."""
        last = {agent: self._last_line(agent) for agent in self._busy.values()}
        self._crew.kill_all()
        for agent in self._busy.values():
            self._bury(agent)
        waiting = [f"{agent} {what}" for agent, what in last.items()] or ["list_all"]
        killed = self._played.killed
        after = f", after {' and '.join(killed)} had been killed" if killed else ""
        return f"nothing happened for {self._patience_seconds:g} s{after}: {'; '.join(waiting)}"

    def _last_line(self, agent: str) -> str:
        journal = self._journal(agent)
        calls = merged(read_calls(journal)) if journal.exists() else []
        return f"is in {calls[-1].call()}" if calls else "opens the board"

    def _bury(self, agent: str) -> None:
        journal = Journal(self._journal(agent))
        journal.die()
        journal.close()

    def _journal(self, agent: str) -> Path:
        return self._directory / f"{agent}.jsonl"

    def _written(self) -> int:
        return sum(path.stat().st_size for path in self._directory.glob("*.jsonl"))
