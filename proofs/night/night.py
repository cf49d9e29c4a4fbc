"""A night from its beginning to its end: the canary, the replays, the portfolio, the report."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from proofs.exit_code import ExitCode
from proofs.harness.gates import GateName
from proofs.harness.proven_board import ProvenBoard
from proofs.night.asked import Asked
from proofs.night.bugs import by_bug
from proofs.night.canary import Canary, canaries, drawn
from proofs.night.commit import commit
from proofs.night.corpus import Corpus
from proofs.night.crew import Crew, Lost, Next
from proofs.night.database import MEMORY, database_of
from proofs.night.found import Found, Met
from proofs.night.kept import adopted, kept, large, left, may_be_of, unreadable
from proofs.night.known import Known, read_known
from proofs.night.memory import Peak
from proofs.night.morning import findings
from proofs.night.progress import Shows, progress
from proofs.night.reached import Pair
from proofs.night.records import Record, Records, put_back, record_of
from proofs.night.replays import CORPUS, EXAMPLES, KEPT, LEFT, REPLAYS
from proofs.night.schedule import next_fair, playing, seconds_of, slots, turn_seconds
from proofs.night.scratch import scratch
from proofs.night.seeds import seed_of
from proofs.night.soaks import with_holes
from proofs.night.tally import Tally
from proofs.night.told import report, say
from proofs.night.turn import Brought, Turn
from proofs.night.until import Until
from proofs.night.verdict import Night, Sung

REPLAYED: Final = 5
"""Replays may take one part of so many of the budget."""


def night(asked: Asked) -> ExitCode:
    """Look for what breaks the board until the budget is spent; print and return the verdict.

    It ends within the budget, the length of one turn and the time to make small what was found and
    to write the report. Raises ``DatabaseError``, ``KnownError`` and what ``ProvenBoard.named``
    and its ``asks`` do.
    """
    leading = _Leading.of(asked)
    interrupted = False
    with ExitStack() as stack:
        boards, temporary = stack.enter_context(scratch(asked.database))
        try:
            crew = stack.enter_context(Crew(asked.processes, boards, temporary))
            leading.lead(crew)
        except KeyboardInterrupt:
            interrupted = True
    ended = leading.ended(is_whole=not interrupted)
    say(ended)
    if asked.report is not None:
        print(f"Report: {report(ended, asked.report)}")
    return ExitCode.INTERRUPTED if interrupted else ended.code


@dataclass(slots=True)
class _Leading:
    """What the leader of a night knows while it goes on."""

    asked: Asked
    board: ProvenBoard
    until: Until
    night: str
    commit: str
    corpus: Corpus
    records: Records
    before: dict[str, Record]
    now: dict[str, Record]
    known: dict[str, Known]
    tally: Tally = field(default_factory=Tally)
    sung: Sung | None = None
    idle: dict[str, str] = field(default_factory=dict)
    pairs_told: dict[int, set[Pair]] = field(default_factory=dict)
    peak: Peak = field(default_factory=Peak)

    @staticmethod
    def of(asked: Asked) -> _Leading:
        until = Until(asked.budget_seconds)
        every = read_known(asked.known)
        known = {name: one for name, one in every.items() if may_be_of(asked.board, one)}
        board = ProvenBoard.named(asked.board)
        board.asks  # noqa: B018  (whether it can be proved at all)
        database = database_of(asked.database)
        records = Records(database, asked.board)
        put_back(iter(records.all().values()), asked.counterexamples)
        before = adopted(records, asked.board, asked.counterexamples)
        corpus = Corpus(database, asked.board)
        today = datetime.now(UTC).date().isoformat()
        return _Leading(
            asked, board, until, today, commit(), corpus, records, before, dict(before), known
        )

    def lead(self, crew: Crew) -> None:
        """All of the night, in order."""
        self.peak = crew.peak
        with progress(self.until) as shows:
            if self.asked.has_canary:
                self._sing(crew, shows)
            for told in crew.play(_each(self._replays(len(crew)))):
                self._hear(told, shows, is_replay=True)
            for entry in self.corpus.entries():  # those that there was no time to replay
                self.tally.pairs |= entry.pairs
            for told in crew.play(self._portfolio()):
                self._hear(told, shows)

    def ended(self, *, is_whole: bool) -> Night:
        """All that is known now."""
        shown = with_holes(self.tally.found, self.now)
        shown |= large(self.board, self.asked.counterexamples)
        every = findings(shown, self.before, self.now, self.known, self.tally.replays)
        found = [one.with_file(self.asked.counterexamples) for one in by_bug(every)]
        for one in found:
            if one.standing == "gone" and one.name in self.before:
                self.records.is_gone(self.before[one.name], self.night)
        return Night(
            self.asked,
            self.board,
            self.night,
            self.commit,
            self.until.seconds,
            is_whole,
            self.tally,
            self.sung,
            tuple(found),
            self.idle,
            self.peak,
            tuple(unreadable(self.asked.counterexamples, self.known)),
        )

    def _sing(self, crew: Crew, shows: Shows) -> None:
        """A board with a planted bug, under the settings of tonight, until it is convicted."""
        canary = drawn(canaries(), self.asked.budget_seconds, self.asked.gates, self.asked.seed)
        self.sung = Sung(canary, None, 0)
        until = Until(canary.seconds_max(self.asked.budget_seconds))
        tally = Tally()
        for told in crew.play(self._canary_turns(canary, until)):
            if isinstance(told, Found) and self.sung.seconds is None:
                self.sung = Sung(canary, until.seconds, 0)
            elif told is not None:
                tally.add(told)
            shows(self.tally)
        self.sung = Sung(canary, self.sung.seconds, tally.executions)
        print(self.sung.words(), flush=True)

    def _canary_turns(self, canary: Canary, until: Until) -> Next:
        budget = self.asked.budget_seconds
        members, _ = playing(ProvenBoard.named(canary.board), (), budget)
        order = slots(members, self.asked.gates, seed_of(self.asked.seed, canary.name))
        seconds = min(1.0, turn_seconds(budget, len(members)))

        def following(number: int) -> Turn | None:
            if until.is_over or (self.sung is not None and self.sung.seconds is not None):
                return None
            member, gate, seed = next(order)
            folder = str(self.asked.counterexamples)
            return Turn(member, gate, canary.board, seed, seconds, MEMORY, folder, canary.invariant)

        return following

    def _replays(self, workers: int) -> Iterator[Turn]:
        """What is there already, in shares."""
        asked = self.asked
        seconds = asked.budget_seconds / REPLAYED / len(asked.gates)
        there = kept(asked.board, asked.counterexamples, self.known).values()
        some = {KEPT: there, LEFT: left(asked.board, asked.counterexamples)}
        for member in REPLAYS:
            files = tuple(map(str, some.get(member.name, ())))
            is_asked = member.name in (CORPUS, EXAMPLES) or files
            if not is_asked or member.why_not(self.board) is not None:
                continue
            parts = 1 if member.name == EXAMPLES else workers
            for gate, part in itertools.product(member.gates, range(parts)):
                if member.name in (KEPT, EXAMPLES) or gate in asked.gates:
                    turn = self._turn(member.name, gate, asked.seed, seconds)
                    yield replace(turn, share=(part, parts), files=files)

    def _portfolio(self) -> Next:
        budget = self.asked.budget_seconds
        members, self.idle = playing(self.board, self.asked.only, budget)
        of_name = {member.name: member for member in members}
        order = slots(members, self.asked.gates, self.asked.seed)
        usual = turn_seconds(budget, len(members))

        def following(number: int) -> Turn | None:
            if self.until.is_over or not members:
                return None
            slot = next_fair(order, of_name, self.tally)
            seconds = seconds_of(of_name[slot.member], usual, budget)
            told = self.pairs_told.setdefault(number, set())
            news = frozenset(self.tally.pairs - told)
            told |= news
            turn = self._turn(slot.member, slot.gate, slot.seed, min(seconds, self.until.left))
            return replace(turn, pairs=news)

        return following

    def _turn(self, member: str, gate: GateName, seed: int, seconds: float) -> Turn:
        asked = self.asked
        folder = str(asked.counterexamples)
        where = (asked.board, seed, seconds, asked.database, folder)
        return Turn(member, gate, *where, is_strict=asked.is_strict)

    def _hear(
        self, told: Brought | Found | Met | Lost | None, shows: Shows, *, is_replay: bool = False
    ) -> None:
        found = None if told is None else self.tally.add(told, is_replay=is_replay)
        if found is not None:
            self._note(found)
        shows(self.tally)

    def _note(self, found: Found) -> None:
        """Write down when it was found first, at once."""
        old = self.before.get(found.name)
        if old is None or old.gone:
            if old is not None:
                self.records.forget(old)
            self.now[found.name] = record_of(found, self.night, self.commit, self.asked.seed)
            self.records.add(self.now[found.name])


def _each(turns: Iterator[Turn]) -> Next:
    """One after the other, whoever asks."""
    return lambda number: next(turns, None)
