"""The counterexamples that are there when a night begins, of its board."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from proofs.harness.counterexample import (
    Counterexample,
    CounterexampleError,
    is_counterexample,
    load,
)
from proofs.harness.proven_board import ProvenBoard
from proofs.night.found import Found
from proofs.night.judge import LARGE
from proofs.night.known import Known
from proofs.night.records import Record, Records, record_of_file

_LARGE: Final = re.compile(rf".*-[A-Z]\d+-[0-9a-f]{{8}}-{LARGE}\.json")

HERE: Final = Path("proofs", "counterexamples")
"""Where those that are kept for ever lie, in the repository of a board."""


def kept(board: str, folder: Path, known: Mapping[str, Known]) -> dict[str, Path]:
    """Those whose board must hold, by name: of the list, of earlier nights, and of the repository.

    Of several files of one name the first.
    """
    places = [*(entry.path for entry in known.values()), *_in(folder), *_in(HERE)]
    found: dict[str, Path] = {}
    for path, counterexample in _readable(places):
        is_meant = counterexample.board == board and counterexample.expect == "holds"
        if is_meant and not is_large(path):
            found.setdefault(path.name, path)
    return found


def left(board: str, folder: Path) -> list[Path]:
    """Those that a night had no time to make small."""
    return [path for path, _ in _left(board, folder)]


def may_be_of(board: str, known: Known) -> bool:
    """Whether an entry of the list is of this board; one that cannot be read may be."""
    try:
        return load(known.path).board == board
    except CounterexampleError:
        return True


def large(board: ProvenBoard, folder: Path) -> dict[str, Found]:
    """The same as findings, by name: the next night makes them small, and records them then."""
    found = {}
    for path, one in _left(board.text, folder):
        words = (
            f"{one.invariant} violated by {board.name}, not made small yet, so it may be no "
            f"new one: {one.violation}"
        )
        found[path.name] = Found(str(path), board.text, one.gates[0], one.invariant, words)
    return found


def is_large(path: Path) -> bool:
    """Whether it is as a night has found it, by its name."""
    return _LARGE.fullmatch(path.name) is not None


def unreadable(folder: Path, known: Mapping[str, Known]) -> list[str]:
    """In words those that say what they are and cannot be read: nobody knows of which board."""
    told = []
    for path in dict.fromkeys(
        (*(entry.path for entry in known.values()), *_in(folder), *_in(HERE))
    ):
        try:
            load(path)
        except CounterexampleError as error:
            if is_counterexample(path):
                told.append(str(error))
    return told


def adopted(records: Records, board: str, folder: Path) -> dict[str, Record]:
    """The records, with those of files that a night left which was killed before it made any."""
    found = records.all()
    for path, one in _readable(_in(folder)):
        is_meant = one.board == board and one.expect == "holds" and not is_large(path)
        if is_meant and path.name not in found:
            words = f"{one.invariant} violated: {one.violation}".splitlines()[0]
            found[path.name] = record_of_file(path, one.invariant, words)
            records.add(found[path.name])
    return found


def _in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if is_counterexample(path))


def _left(board: str, folder: Path) -> Iterator[tuple[Path, Counterexample]]:
    for path, one in _readable(_in(folder)):
        if is_large(path) and one.board == board and one.expect == "holds":
            yield path, one


def _readable(paths: Iterable[Path]) -> Iterator[tuple[Path, Counterexample]]:
    for path in paths:
        try:
            yield path, load(path)
        except CounterexampleError:
            continue
