"""Proofs within pytest: what one session proves, and how a verdict becomes the end of a test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, NoReturn
from zlib import crc32

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import BoardPathError
from proofs.harness.counterexample import shell_path
from proofs.harness.crash_proof import CrashProof
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.hanging import HANGING_AGAIN_SECONDS, HangingError, limits
from proofs.harness.proof import Conclusion, Proof, ViolatedError
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import UnknownError
from proofs.plugin import PROPERTY
from proofs.power_loss import fast_root
from proofs.restarts import restarted
from proofs.sampling import each_drawn
from strategies.crashes import MODELS, Model
from strategies.scenarios import Scenario

OUR_BOARD: Final = "proofs.our_board:TaskBoard"
"""What is proved where no board is named."""

OUR_SYNCED_BOARD: Final = "proofs.our_board:SyncedTaskBoard"
"""The same with its syncs, where the power fails."""

ROUNDS_MAX: Final = 8

Drawn = Callable[[Sequence[str]], st.SearchStrategy[Scenario]]
"""Scenarios that ask for these operations; for what is named twice twice as often."""

AnyProof = Proof | CrashProof

Concludes = Callable[[Conclusion], None]
"""How a test tells what it showed, for the summary and the report."""

_seed = pytest.StashKey[int]()


def check_board(config: pytest.Config) -> None:
    """Raise pytest's UsageError where ``--proofs-board`` names no board that can be proved."""
    try:
        board_of(config).asks  # noqa: B018  (opens it once)
    except (BoardPathError, UnfitBoardError, ValueError) as error:
        raise pytest.UsageError(f"--proofs-board: {error}") from error


def board_of(config: pytest.Config) -> ProvenBoard:
    """The board that this session proves."""
    text: str | None = config.getoption("--proofs-board")
    return ProvenBoard.named(OUR_BOARD if text is None else text)


def gates_of(config: pytest.Config) -> tuple[GateName, ...]:
    """The gates at which this session proves it."""
    wanted = config.getoption("--proofs-gate") or "both"
    return tuple(gate for gate in GATES if wanted in (gate, "both"))


def seed_of(config: pytest.Config) -> int:
    """By which scenarios are drawn: as asked for, the same each time in CI, else a new one."""
    if _seed not in config.stash:
        asked: int | None = config.getoption("--proofs-seed")
        usual = 0 if settings().derandomize else _drawn_seed(config)
        config.stash[_seed] = usual if asked is None else asked
    return config.stash[_seed]


def _drawn_seed(config: pytest.Config) -> int:
    """Another one for each session, the same in all of its processes."""
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    return secrets.randbits(32) if worker is None else crc32(worker["testrunuid"].encode())


def tell(item: pytest.Item, conclusion: Conclusion) -> None:
    """Let what a test concluded go with its report."""
    fields = asdict(conclusion) | {"seed": seed_of(item.config)}
    item.user_properties.append((PROPERTY, fields))


class Proving:
    """What the proofs of one test stand on; at its end the test ends by the verdict."""

    def __init__(self, request: pytest.FixtureRequest, root: Path) -> None:
        self.config = request.config
        self.board = board_of(request.config)
        self._item: pytest.Item = request.node
        self._root = root

    @property
    def board_with_syncs(self) -> ProvenBoard:
        """What is tried where the power fails: any board as it is, our own with its syncs."""
        is_ours = self.board.text == OUR_BOARD
        return ProvenBoard.named(OUR_SYNCED_BOARD) if is_ours else self.board

    @contextmanager
    def proof(
        self,
        gate: GateName,
        invariants: Collection[str] | None = None,
        *,
        root: Path | None = None,
    ) -> Iterator[Proof]:
        """A proof that concludes when the block ends. What else is raised is our own fault.

        ``root`` None: below the test's own temporary directory.
        """
        if self.board.promises.invariants == frozenset():
            self._skip(gate, "the board promises none of the invariants")
        with Gates(self.board, (root or self._root) / "board") as gates:
            proof = Proof(self._item.name, gates, gate, self._folder, invariants=invariants)
            with self._ending(proof):
                yield proof
                proof.settle()

    @contextmanager
    def crash_proof(
        self,
        gate: GateName,
        states_max: int,
        recoveries_max: int | None,
        *,
        cut_off_max: int = 1,
        worst: Model = MODELS[-1],
        board: ProvenBoard | None = None,
    ) -> Iterator[CrashProof]:
        """The same of what is left after a crash; the bounds are those of ``CrashProof``.

        ``board`` None: that of the session.
        """
        board = board or self.board
        if gate != "threads":
            pytest.skip("not applicable: proved in threads, where all changes are written down")
        if board.promises.persistence is None:
            self._skip(
                gate, "the board promises nothing of what is left after a crash: persistence"
            )
        with fast_root(self._root) as root, Gates(board, root) as gates:
            proof = CrashProof(
                self._item.name,
                gates,
                self._folder,
                restarted,
                states_max=states_max,
                recoveries_max=recoveries_max,
                cut_off_max=cut_off_max,
                worst=worst,
            )
            with self._ending(proof):
                yield proof

    def _skip(self, gate: GateName, why: str) -> NoReturn:
        """Nothing of this applies to the board."""
        told = Conclusion(self._item.name, self.board.name, gate, "not applicable", why)
        self._tell(told)
        pytest.skip(f"not applicable: {why}")

    @property
    def _folder(self) -> Path:
        folder: Path = self.config.getoption("--proofs-counterexamples")
        return folder

    @contextmanager
    def _ending(self, proof: AnyProof) -> Iterator[None]:
        """Ends the test by what becomes of the proof in this block."""
        ended: ViolatedError | UnknownError | UnfitBoardError | None = None
        try:
            yield
        except (ViolatedError, UnknownError, UnfitBoardError) as error:
            ended = error
            if isinstance(error, HangingError):  # what hung once is not waited for as long again
                limits.hanging_seconds = min(limits.hanging_seconds, HANGING_AGAIN_SECONDS)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            self._tell(replace(proof.conclude(), verdict="harness fault", words=words))
            raise
        conclusion = proof.conclude()
        if ended is None:
            self._end(conclusion)
        elif isinstance(ended, ViolatedError):
            words = "\n".join([str(ended), *self._to_copy(proof)])
            self._fail(replace(conclusion, verdict="violated", words=words), words)
        else:
            words = f"{self.board.name} in {proof.gate}: {ended}"
            self._fail(replace(conclusion, verdict="unknown", words=words), words)

    def sample(self, proof: AnyProof, scenarios: Drawn, executions: int) -> None:
        """Examine so many scenarios that Hypothesis draws. Raises what ``Proof.examine`` does.

        As many again, up to eight times, while they leave something out that a proof must reach,
        and then of scenarios that ask for that more often. What is found is minimised on its trace,
        and not by Hypothesis as well.
        """
        names = proof.gates.board.asks
        for number in range(ROUNDS_MAX):
            never = {name.partition("(")[0] for name in proof.coverage.never_succeeded()}
            more = [name for name in names if name in never] * len(names)
            by = seed_of(self.config) + number
            each_drawn(scenarios((*names, *more)), proof.examine, by=by, examples=executions)
            if not proof.may_still_reach():
                return

    def _to_copy(self, proof: AnyProof) -> Iterator[str]:
        """Lines for the shell: where the report is, and how to keep what was found."""
        report: Path | None = self.config.getoption("--proofs-report")
        if report is not None:
            yield f"Report: {report / 'report.html'}"
        kept = Path("proofs", "counterexamples")
        assert proof.path is not None
        yield f"Explain: python -m proofs explain {shell_path(proof.path)}"
        yield f"Keep: cp {shell_path(proof.path)} {kept if kept.is_dir() else '.'}"

    def _end(self, conclusion: Conclusion) -> None:
        if conclusion.verdict == "unknown":
            self._fail(conclusion, str(conclusion))
        if not conclusion.invariants:
            why = "; ".join(f"{name}: {why}" for name, why in conclusion.not_applicable.items())
            self._tell(replace(conclusion, verdict="not applicable", words=why))
            pytest.skip(f"not applicable: {why}")
        self._tell(conclusion)

    def _fail(self, conclusion: Conclusion, words: str) -> NoReturn:
        self._tell(conclusion)
        raise pytest.fail.Exception(words, pytrace=False) from None

    def _tell(self, conclusion: Conclusion) -> None:
        tell(self._item, conclusion)
