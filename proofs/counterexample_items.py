"""Counterexample files as pytest collects them: each is one item, which replays it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.harness.answers import UnfitBoardError
from proofs.harness.counterexample import Counterexample, CounterexampleError, load
from proofs.harness.gates import GATES, GateName
from proofs.harness.proven_board import ProvenBoard
from proofs.proving import tell
from proofs.replaying import board_of_file, found_at, replayed


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
        board = self._board()
        if isinstance(board, str):  # raised here, it is not told as amid another exception
            pytest.fail(f"{self.path.name}: {board}", pytrace=False)
        folder = self.config._tmp_path_factory.mktemp("replay")  # type: ignore[attr-defined]
        found = replayed(
            self._counterexample,
            self.path,
            board,
            self._gate,
            folder / "board",
            is_strict=self.config.getoption("--proofs-strict"),
        ).conclusion
        tell(self, found)
        if found.verdict == "not applicable":
            pytest.skip(f"not applicable: {found.words}")
        if found.verdict != "holds":
            pytest.fail(found.words, pytrace=False)

    def _board(self) -> ProvenBoard | str:
        """The board to replay on, or in words why there is none."""
        try:
            return board_to_replay(self.config, self._counterexample, self.path)
        except (ValueError, UnfitBoardError) as error:  # also of what the board promises
            return str(error)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands, for pytest's own lines."""
        return self.path, None, f"{self.path.name} {self.name}"


def board_to_replay(
    config: pytest.Config, counterexample: Counterexample, source: Path
) -> ProvenBoard:
    """The board named by option, else that of the file, if it is one of this project.

    Raises ``CounterexampleError`` for one that lies elsewhere.
    """
    roots = (config.invocation_params.dir, config.rootpath)
    return board_of_file(counterexample, source, config.getoption("--proofs-board"), roots)


def _gates(config: pytest.Config, counterexample: Counterexample) -> list[GateName]:
    """Where it was found, unless an option says otherwise."""
    wanted = config.getoption("--proofs-gate")
    if wanted is None:
        return [found_at(counterexample)]
    return [gate for gate in GATES if wanted in (gate, "both")]
