"""What one fault at one effect came to, as a cell of a matrix of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from proofs.error_matrix import WHENS, without_names
from proofs.harness.execution import Execution
from proofs.harness.history import Operation
from proofs.harness.matrix import Cell
from strategies.faults import ERRORS, INTERRUPTIONS, KILL, LYING_SYNC, SHORT_WRITE, Fault

VIOLATED: Final = "violated"
WORDS_MAX: Final = 1_000
"""So many different cells have words; of what comes after them it is told only how it ended."""

CELLS_MAX: Final = 2_000
"""And what comes after so many stands in one row: a report stays small whatever a board does."""

OTHERS: Final = "others"
_ERRORS: Final = frozenset({*ERRORS, *INTERRUPTIONS, SHORT_WRITE, LYING_SYNC})


def cell_of(execution: Execution, *, is_violated: bool) -> Cell | None:
    """Where this execution with its one fault stands.

    A kill holds or not; of an error it is told what the caller was told. None where the fault came
    to no effect of a call, or is one of those that have no matrix: stops, and clocks that are set.
    """
    (fault,) = execution.scenario.faults
    number = next((n for n, step in enumerate(execution.trace) if step.is_struck), None)
    call = None if number is None else _call_at(execution, number)
    if number is None or call is None:
        return None
    if fault.what == KILL:
        death = next(step.effect for step in execution.trace if step.effect.kind == KILL)
        when, kind, *_ = death.detail.split(" ")  # amid a write that write was struck before it
        return Cell("kills", call.name, f"{when} {kind}", VIOLATED if is_violated else "holds")
    if fault.what not in _ERRORS:
        return None
    end = VIOLATED if is_violated else call.outcome
    return Cell("errors", without_names(fault.where), fault.what, end, words=_words(fault, call))


def add_up(cells: Counter[Cell], more: Counter[Cell]) -> None:
    """Count these as well, in so many cells at most."""
    for cell, count in more.items():
        kept = cell
        if kept not in cells and len(cells) >= WORDS_MAX:
            kept = replace(kept, words="")
        if kept not in cells and len(cells) >= CELLS_MAX:
            kept = replace(kept, row=OTHERS)
        cells[kept] += count


def counted(cells: Counter[Cell]) -> Iterable[Cell]:
    """Each once, with how often it came."""
    for cell, count in cells.items():
        yield replace(cell, count=count)


def _words(fault: Fault, call: Operation) -> str:
    raised = None if call.error is None else call.error.partition(":")[0]
    lasting = ", from then on" if fault.lasts else ""
    told = f"raises {raised}" if raised else call.outcome
    return f"{call.name}, {WHENS[fault.when]}{lasting}: {told}"


def _call_at(execution: Execution, number: int) -> Operation | None:
    """In which the agent was whose effect this is."""
    agent = execution.trace[number].agent
    for one in execution.history.operations:
        if one.agent == agent and one.invoked_at <= number < one.returned_at:
            return one
    return None
