"""The soak: round after round of real agents on a real board, each judged when it is over."""

from __future__ import annotations

import inspect
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from proofs.harness.checkers.evidence import GRANTS
from proofs.harness.history import KILLED
from proofs.harness.needs import nobody_asked
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import Value, Verdict, not_applicable
from proofs.soak.crew import Crew
from proofs.soak.judging import Witnessed, judge, overlapping, takeovers
from proofs.soak.kept import SoakHistory, keep
from proofs.soak.playing import Play, Played
from proofs.soak.rounds import Round
from proofs.soak.soaked import Counts, Found, Soaked

LEASE_SECONDS: Final = 0.5
LAPSES_WITHIN_SECONDS: Final = 5.0
"""A lease that is longer is not waited for."""
JUDGED_PARTS: Final = 20
"""If of so many rounds more than one could not be judged, an invariant is unknown; else the rest
are the sample, and the words tell how many are not part of it."""
USUAL_SECONDS: Final = 0.03
"""How long a round takes before one of its kind was seen; kills come too early, not never."""
PATIENCE_SECONDS: Final = 60.0
"""Longer than any usual timeout of a lock: whoever gives up raises, and has not hung."""


def soak(
    board: str | ProvenBoard,
    seconds: float,
    processes: int,
    seed: int,
    folder: Path,
    *,
    operations_max: int | None = None,
    ends_when_violated: bool = False,
    lease_seconds: float = LEASE_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Soaked:
    """Let ``processes`` agents work on the board for so long, kill some, and judge what they saw.

    The seed decides what is asked and about when is killed; nothing else repeats. The board's
    callable is opened with ``lease_seconds`` if it takes that; else its leases are as it promises.
    It also ends after a round by which ``operations_max`` calls were made, or, if asked to, one in
    which a promise was broken. The first history that shows a promise broken is kept in
    ``folder/soak``, whatever happens then. The round under way is finished.

    Raises ``UnfitBoardError`` for a board that is not used as it means to be, ``Disagreement`` for
    a fault of ours. No process and no directory of its own is left, though it be killed: agents end
    with this process, and the next soak clears the directory.
    """
    proven = ProvenBoard.named(board) if isinstance(board, str) else board
    takes_lease = takes_a_lease(proven)
    lease = lease_seconds if takes_lease else proven.promises.lease_seconds
    sum_up = Sum(proven, lease, seed, folder / "soak")
    began = time.monotonic()
    usual: dict[str, float] = {}
    with _workplace(folder / "soak") as place, Crew(proven.text, processes) as crew:
        while True:
            one = Round.drawn(
                seed,
                sum_up.counts.rounds,
                proven.asks,
                lease,
                can_lapse=lease <= LAPSES_WITHIN_SECONDS,
            )
            directory = place / f"round{sum_up.counts.rounds}"
            directory.mkdir()
            played = Play(
                crew,
                one,
                directory,
                lease_seconds=lease if takes_lease else None,
                usual=usual.get(one.kind, USUAL_SECONDS),
                patience_seconds=patience_seconds,
            ).run()
            shutil.rmtree(directory)
            usual[one.kind] = played.seconds or usual.get(one.kind, USUAL_SECONDS)
            sum_up.take(played)
            is_over = time.monotonic() - began >= seconds
            if operations_max is not None:
                is_over = is_over or sum_up.counts.operations >= operations_max
            if is_over or (ends_when_violated and sum_up.found):
                return sum_up.soaked(processes, time.monotonic() - began)


def takes_a_lease(board: ProvenBoard) -> bool:
    """Whether it can be opened with a lease that is short enough to wait for its end."""
    if math.isinf(board.promises.lease_seconds):
        return False  # it promises that no claim of it ever lapses
    try:
        return "lease_seconds" in inspect.signature(board.open).parameters
    except (TypeError, ValueError):
        return False


@dataclass(slots=True)
class Sum:
    """What all rounds come to."""

    board: ProvenBoard
    lease_seconds: float
    seed: int
    folder: Path
    counts: Counts = field(default_factory=Counts)
    found: dict[str, Found] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    judged: dict[str, dict[Value, str]] = field(default_factory=dict)
    rounds: Counter[tuple[str, Value]] = field(default_factory=Counter)
    unseen: str | None = None

    def take(self, played: Played) -> None:
        """Judge one more round, and keep what shows a promise broken."""
        witnessed = Witnessed(
            played.round.tasks,
            tuple(played.operations),
            self.lease_seconds,
            played.final,
            frozenset(played.lacking),
            played.has_parts,
            played.stuck,
            tuple(played.unseen),
        )
        self.counts = self.counts.plus(_counts(played, witnessed))
        self.unseen = self.unseen or "; ".join(played.unseen) or None
        self.asked.update(operation.name for operation in played.operations)
        for verdict in judge(witnessed, self.board.promises):
            values = self.judged.setdefault(verdict.invariant, {})
            values.setdefault(verdict.value, verdict.words)
            self.rounds[verdict.invariant, verdict.value] += 1
            if verdict.value == "violated":
                self._keep(witnessed, verdict)

    def _keep(self, witnessed: Witnessed, verdict: Verdict) -> None:
        known = self.found.get(verdict.invariant)
        if known is None:
            history = SoakHistory(self.board.text, self.seed, self.counts.rounds, witnessed)
            path = keep(history, verdict, self.board.name, self.folder)
            known = Found(verdict.invariant, verdict.words, 0, path)
        found = Found(known.invariant, known.words, known.rounds + 1, known.history)
        self.found[verdict.invariant] = found

    def soaked(self, processes: int, seconds: float) -> Soaked:
        """All together."""
        verdicts = tuple(self._verdict(name, values) for name, values in self.judged.items())
        found = tuple(self.found.values())
        never_met = None if self.counts.overlapping else "no two agents were ever at work at once"
        return Soaked(
            self.board.name,
            self.seed,
            processes,
            seconds,
            self.counts,
            verdicts,
            found,
            self.unseen or never_met,
        )

    def _verdict(self, invariant: str, values: dict[Value, str]) -> Verdict:
        """The worst of what was said in any round; a few that could not be judged are told of."""
        if "violated" in values:
            return Verdict(invariant, "violated", values["violated"])
        unknown = self.rounds[invariant, "unknown"]
        if unknown * JUDGED_PARTS > self.counts.rounds or (unknown and "holds" not in values):
            return Verdict(invariant, "unknown", values["unknown"])
        if "holds" not in values:
            return Verdict(invariant, "not applicable", values["not applicable"])
        idle = nobody_asked(invariant, self.asked)
        if idle:
            return not_applicable(invariant, idle)
        but = f"but for {unknown} of {self.counts.rounds} rounds: {values.get('unknown')}"
        return Verdict(invariant, "holds", but if unknown else "")


def _counts(played: Played, witnessed: Witnessed) -> Counts:
    operations = witnessed.operations
    return Counts(
        rounds=1,
        operations=len(operations),
        grants=sum(o.name in GRANTS and o.outcome == "ok" for o in operations),
        overlapping=overlapping(operations),
        takeovers=takeovers(operations),
        kills=len(played.killed),
        cut=sum(o.error == KILLED and o.agent in played.killed for o in operations),
        raised=sum(o.outcome == "unknown" and o.error != KILLED for o in operations),
    )


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A directory of this process, gone afterwards; so are those of processes that died."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("at-work-*"):
        if not _is_alive(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    place = folder / f"at-work-{os.getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody else's, and there
    return True
