"""Counterexample files as pytest collects them: each is one item, which replays it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import importable_from
from proofs.harness.counterexample import Counterexample, CounterexampleError, load
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
from proofs.proving import tell
from proofs.restarts import restarted

_OURS: Final = ("proofs", "swarm")


class CounterexampleFile(pytest.File):
    """A file in our format."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each gate at which it is to be replayed."""
        try:
            counterexample = load(self.path)
        except CounterexampleError as error:
            raise self.CollectError(str(error)) from error
        for gate in _gates(self.config, counterexample):
            yield CounterexampleItem.from_parent(
                self, name=f"replay[{gate}]", counterexample=counterexample, gate=gate
            )


class CounterexampleItem(pytest.Item):
    """Replays at one gate; fails where the code does not do what the file expects of it."""

    def __init__(self, *, counterexample: Counterexample, gate: GateName, **others: Any) -> None:
        super().__init__(**others)
        self._counterexample = counterexample
        self._gate = gate

    def runtest(self) -> None:
        """Replay, and end by the verdict."""
        try:
            board = board_to_replay(self.config, self._counterexample, self.path)
        except (ValueError, UnfitBoardError) as error:  # also of what the board promises
            pytest.fail(f"{self.path.name}: {error}", pytrace=False)
        folder = self.config._tmp_path_factory.mktemp("replay")  # type: ignore[attr-defined]
        with Gates(board, folder / "board") as gates:
            try:
                self._judge(board, replay(self._counterexample, gates, self._gate, restarted))
            except NotApplicableError as error:
                self._tell(self._conclusion(board, "not applicable", str(error)))
                pytest.skip(f"not applicable: {error}")
            except (NondeterminismError, UnseenError, UnknownError, UnfitBoardError) as error:
                self._fail(self._conclusion(board, "unknown", str(error)))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands, for pytest's own lines."""
        return self.path, None, f"{self.path.name} {self.name}"

    def _judge(self, board: ProvenBoard, found: Replay) -> None:
        invariant, must_violate = self._counterexample.invariant, self._expects_violation
        way = [_told(found)] if found.divergence is not None else []
        if way and self.config.getoption("--proofs-strict"):
            self._fail(self._conclusion(board, "unknown", way[0]))
        if found.verdict is not None and not must_violate:
            broken = f"{invariant} violated by {board.name}: {INVARIANTS[invariant]}."
            shown = picture_of_crash(found.ended) if found.ended else picture(found.execution)
            lines = [broken, *way, f"  {found.verdict.words}", "", shown]
            self._fail(self._conclusion(board, "violated", "\n".join(lines)))
        if found.verdict is None and must_violate:
            broken = f"{board.name} must still be convicted of {invariant}, and is not"
            self._fail(self._conclusion(board, "violated", "\n".join([broken, *way])))
        if found.unjudged is not None and not must_violate:
            words = f"{invariant} could not be judged: {found.unjudged}"
            self._fail(self._conclusion(board, "unknown", "; ".join([words, *way])))
        ended = "convicted, as it must be" if must_violate else "not violated"
        words = "; ".join([f"replay of {self.path.name}: {ended}", *way])
        self._tell(self._conclusion(board, "holds", words))

    @property
    def _expects_violation(self) -> bool:
        return self._counterexample.expect == "violated"

    def _conclusion(self, board: ProvenBoard, verdict: Any, words: str) -> Conclusion:
        invariants = (self._counterexample.invariant,)
        name = "replays of counterexamples"
        return Conclusion(
            name,
            board.name,
            self._gate,
            verdict,
            words,
            invariants,
            extent="replayed",
            executions=2,
            counterexamples=(str(self.path),),
        )

    def _tell(self, conclusion: Conclusion) -> None:
        tell(self, conclusion)

    def _fail(self, conclusion: Conclusion) -> NoReturn:
        self._tell(conclusion)
        pytest.fail(conclusion.words, pytrace=False)


def _told(found: Replay) -> str:
    what = "other crashes" if found.is_crash else "neighbouring interleavings"
    tried = f"; {found.neighbours} {what} tried" if found.neighbours else ""
    return f"{found.divergence}{tried}"


def _gates(config: pytest.Config, counterexample: Counterexample) -> list[GateName]:
    """Where it was found, unless an option says otherwise; both, if that is asked for by name."""
    wanted = config.getoption("--proofs-gate")
    found: GateName = "processes" if counterexample.gates[:1] == ("processes",) else "threads"
    return [found] if wanted == "both" else [wanted]


def board_to_replay(
    config: pytest.Config, counterexample: Counterexample, source: Path
) -> ProvenBoard:
    """The board named by option, else that of the file, if it is one of this project.

    Raises ``CounterexampleError`` for one that lies elsewhere: a file must not make us import what
    its reader did not choose.
    """
    named: str | None = config.getoption("--proofs-board")
    if named is not None:
        return ProvenBoard.named(named)
    place, _, name = counterexample.board.rpartition(":")
    here = config.invocation_params.dir.resolve()
    roots = {here, config.rootpath.resolve()}
    with importable_from(str(here)):
        found = _file_of(place, roots)
    if found is None or not any(found.is_relative_to(root) for root in (*roots, *_our_folders())):
        raise CounterexampleError(
            f"board of {source.name} must lie below {' or '.join(map(str, sorted(roots)))}, got "
            f"{counterexample.board!r}; name one with --proofs-board"
        )
    return ProvenBoard.named(f"{found}:{name}" if place.endswith(".py") else counterexample.board)


def _file_of(place: str, roots: set[Path]) -> Path | None:
    """The file of a module or of a path; nothing is imported to find it."""
    if place.endswith(".py"):
        there = (os.path.join(root, place) for root in sorted(roots))
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
