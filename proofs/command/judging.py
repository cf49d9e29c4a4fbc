"""Counterexamples replayed one after the other, and what they come to together."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from proofs.exit_code import ExitCode
from proofs.harness.answers import UnfitBoardError
from proofs.harness.counterexample import (
    Counterexample,
    CounterexampleError,
    is_counterexample,
    load,
)
from proofs.harness.gates import GATES, GateName
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.replaying import NAME, Replayed, board_of_file, found_at, replayed

_CODES: Final = {
    "violated": ExitCode.VIOLATED,
    "harness fault": ExitCode.HARNESS_FAULT,
    "unknown": ExitCode.UNKNOWN,
    "not applicable": ExitCode.UNKNOWN,
}
"""What beats what comes first; what did not apply was not judged either."""


def read(file: Path) -> Counterexample:
    """The counterexample in a file; what is none is told as bad usage."""
    try:
        return load(file)
    except CounterexampleError as error:
        raise click.UsageError(str(error)) from error


def all_of(files: Sequence[Path]) -> Iterator[Path]:
    """The files, and of each folder the counterexamples in it, by name."""
    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = [path for path in sorted(file.glob("*.json")) if is_counterexample(path)]
        if not found:
            raise click.UsageError(f"{file} must hold counterexamples, and holds none")
        yield from found


def board_to_replay(counterexample: Counterexample, file: Path, named: str | None) -> ProvenBoard:
    """As ``board_of_file``, from the working directory; what cannot be had is bad usage."""
    try:
        return board_of_file(counterexample, file, named, [Path()])
    except (ValueError, UnfitBoardError) as error:
        raise click.UsageError(f"{file.name}: {error}") from error


def gates_of(counterexample: Counterexample, gate: str | None) -> Sequence[GateName]:
    """Where it is to be replayed."""
    if gate is None:
        return (found_at(counterexample),)
    return tuple(one for one in GATES if gate in (one, "both"))


def judged(
    files: Sequence[Path], board: str | None, gate: str | None, is_strict: bool
) -> Iterator[Replayed]:
    """What each comes to at each gate; a fault of the harness stops none of the others."""
    asked = [(file, read(file)) for file in files]
    boards = [board_to_replay(counterexample, file, board) for file, counterexample in asked]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "board")
        for (file, counterexample), proven in zip(asked, boards, strict=True):
            for at in gates_of(counterexample, gate):
                try:
                    yield replayed(counterexample, file, proven, at, root, is_strict=is_strict)
                except Exception as error:
                    traceback.print_exc()
                    yield Replayed(_fault(counterexample, proven, at, error))


def _fault(
    counterexample: Counterexample, board: ProvenBoard, gate: GateName, error: Exception
) -> Conclusion:
    words = f"{type(error).__name__}: {error}; this says nothing about the board"
    about = (counterexample.invariant,)
    return Conclusion(NAME, board.name, gate, "harness fault", words, about, extent="replayed")


def told(conclusion: Conclusion) -> str:
    """As a person reads it: the verdict first."""
    if conclusion.verdict == "violated":
        return f"violated: {conclusion.words}"
    at = replace(conclusion, board=f"{conclusion.board} in {conclusion.gate}")
    return str(at)


def code_of(all_found: Sequence[Replayed]) -> ExitCode:
    """0 where all hold, else the worst: a violation beats all else."""
    verdicts = {found.conclusion.verdict for found in all_found}
    codes = (code for verdict, code in _CODES.items() if verdict in verdicts)
    return next(codes, ExitCode.HOLDS)


def say(text: str) -> None:
    """Print, whatever the terminal can show; a file may hold any character."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
