"""What came of each of many trials of one kind, told as cells of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

MatrixName = Literal["kills", "errors", "power loss"]


@dataclass(frozen=True, slots=True)
class Cell:
    """``count`` trials in this ``row`` and ``column`` came to this ``end``, as "holds" or "ok".

    Cells of one place add up; ``words`` say more.
    """

    matrix: MatrixName
    row: str
    column: str
    end: str
    count: int = 1
    words: str = ""


class Trial(NamedTuple):
    """One trial: where it stands, what came of it."""

    row: str
    column: str
    end: str
    words: str = ""


def cells_of_trials(matrix: MatrixName, trials: Iterable[Trial]) -> Iterator[Cell]:
    """One cell for all trials that are alike."""
    for trial, count in Counter(trials).items():
        yield Cell(matrix, trial.row, trial.column, trial.end, count, trial.words)
