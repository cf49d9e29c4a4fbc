"""Replays a counterexample file and says what that comes to, in the words of the proofs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import importable_from
from proofs.harness.counterexample import Counterexample, CounterexampleError
from proofs.harness.crash_conviction import picture_of_crash
from proofs.harness.determinism import NondeterminismError
from proofs.harness.execution import NotApplicableError
from proofs.harness.gates import GateName, Gates
from proofs.harness.invariants import INVARIANTS
from proofs.harness.picture import picture
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import Replay, UnseenError, replay
from proofs.harness.verdict import UnknownError
from proofs.restarts import restarted

NAME: Final = "replays of counterexamples"
_OURS: Final = ("proofs", "swarm")


@dataclass(frozen=True, slots=True)
class Replayed:
    """``is_sure``: the promise was broken, or kept on the very way that was written down."""

    conclusion: Conclusion
    is_sure: bool = False


def found_at(counterexample: Counterexample) -> GateName:
    """The gate at which it was found."""
    return "processes" if counterexample.gates[:1] == ("processes",) else "threads"


def replayed(
    counterexample: Counterexample,
    source: Path,
    board: ProvenBoard,
    gate: GateName,
    root: Path,
    *,
    is_strict: bool = False,
) -> Replayed:
    """Replay at one gate, on an empty directory ``root``, and judge by what the file expects.

    ``is_strict``: a replay that diverged is unknown. Raises only what is the harness' own fault.
    """
    with Gates(board, root) as gates:
        judge = _Judge(counterexample, source, board, gate)
        try:
            return judge.judged(replay(counterexample, gates, gate, restarted), is_strict)
        except NotApplicableError as error:
            return judge.concluded("not applicable", str(error))
        except (NondeterminismError, UnseenError, UnknownError, UnfitBoardError) as error:
            return judge.concluded("unknown", str(error))


def board_of_file(
    counterexample: Counterexample, source: Path, named: str | None, roots: Sequence[Path]
) -> ProvenBoard:
    """The board ``named``, else that of the file, if it lies below one of these folders or is ours.

    The first folder is where the command runs: modules are looked for there. Raises
    ``CounterexampleError`` for one that lies elsewhere: a file must not make us import what its
    reader did not choose; and BoardPathError and ValueError as ``ProvenBoard.named``.
    """
    if named is not None:
        return ProvenBoard.named(named)
    place, _, name = counterexample.board.rpartition(":")
    here = sorted({root.resolve() for root in roots})
    with importable_from(str(roots[0].resolve())):
        found = _file_of(place, here)
    if found is None or not any(found.is_relative_to(root) for root in (*here, *_our_folders())):
        raise CounterexampleError(
            f"board of {source.name} must lie below {' or '.join(map(str, here))}, got "
            f"{counterexample.board!r}; name one with --proofs-board or --board"
        )
    return ProvenBoard.named(f"{found}:{name}" if place.endswith(".py") else counterexample.board)


@dataclass(frozen=True, slots=True)
class _Judge:
    counterexample: Counterexample
    source: Path
    board: ProvenBoard
    gate: GateName

    def judged(self, found: Replay, is_strict: bool) -> Replayed:
        """What the replay comes to."""
        verdict, words = self._verdict(found, is_strict)
        is_sure = found.verdict is not None or found.divergence is None
        return self.concluded(verdict, words, is_sure=is_sure)

    def concluded(self, verdict: Any, words: str, is_sure: bool = False) -> Replayed:
        """As a proof concludes."""
        conclusion = Conclusion(
            NAME,
            self.board.name,
            self.gate,
            verdict,
            words,
            (self.counterexample.invariant,),
            extent="replayed",
            executions=2,
            counterexamples=(str(self.source),),
        )
        return Replayed(conclusion, is_sure)

    def _verdict(self, found: Replay, is_strict: bool) -> tuple[str, str]:
        invariant, board = self.counterexample.invariant, self.board.name
        must_violate = self.counterexample.expect == "violated"
        way = [_told(found)] if found.divergence is not None else []
        if way and is_strict:
            return "unknown", way[0]
        if found.verdict is not None and not must_violate:
            broken = f"{invariant} violated by {board}: {INVARIANTS[invariant]}."
            shown = picture_of_crash(found.ended) if found.ended else picture(found.execution)
            return "violated", "\n".join([broken, *way, f"  {found.verdict.words}", "", shown])
        if found.verdict is None and must_violate:
            broken = f"{board} must still be convicted of {invariant}, and is not"
            return "violated", "\n".join([broken, *way])
        if found.unjudged is not None and not must_violate:
            words = f"{invariant} could not be judged: {found.unjudged}"
            return "unknown", "; ".join([words, *way])
        ended = "convicted, as it must be" if must_violate else "not violated"
        return "holds", "; ".join([f"replay of {self.source.name}: {ended}", *way])


def _told(found: Replay) -> str:
    what = "other crashes" if found.is_crash else "neighbouring interleavings"
    tried = f"; {found.neighbours} {what} tried" if found.neighbours else ""
    return f"{found.divergence}{tried}"


def _file_of(place: str, roots: Collection[Path]) -> Path | None:
    """The file of a module or of a path; nothing is imported to find it."""
    if place.endswith(".py"):
        there = (os.path.join(root, place) for root in roots)
        return next((Path(path).resolve() for path in there if os.path.isfile(path)), None)
    try:
        spec = importlib.util.find_spec(place.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.has_location:
        return None  # what is built in or frozen lies nowhere: its origin is a word and no path
    return Path(spec.origin).resolve()


def _our_folders() -> list[Path]:
    return [Path(__file__).resolve().parents[1] / package for package in _OURS]
