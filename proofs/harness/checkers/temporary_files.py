"""Temporary files that a call left behind: a part of R1.

A temporary file is what a call makes and then moves away under its lasting name. Which names are
those of temporary files no board tells. A call shows it that came to the move, even where that
failed; and any other call of the run that made a file by this name and moved it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from proofs.harness.checkers.evidence import Evidence
from proofs.harness.history import Operation
from proofs.harness.trace import SIGNALS, Step
from proofs.harness.turns import pattern_of

_MOVES: Final = ("replace", "link")


def temporary_files_left(evidence: Evidence) -> Iterator[tuple[Operation, str]]:
    """Each call that raised what an error of the system struck it with, and what it left.

    Who can go on after an error can clear up, too. Not told is what a call tried to remove and
    could not, nor what one that was interrupted left: see ``nemesis``.
    """
    for operation in evidence.operations:
        steps = evidence.steps_of(operation)
        if operation.error is None or not any(step.fault for step in steps):
            continue
        if any(step.effect.kind in SIGNALS for step in steps):
            continue
        there = _made_and_not_taken_away(steps).intersection(evidence.execution.files)
        if not there:
            continue
        unmoved = {_name(step) for step in steps if step.effect.kind in _MOVES}
        for name in sorted(there & (unmoved | _moved_away_by_any_call(evidence))):
            yield operation, name


def _made_and_not_taken_away(steps: Iterable[Step]) -> set[str]:
    """The last time, where a call made several files by one name."""
    there: set[str] = set()
    for step in steps:
        kind = step.effect.kind
        if kind == "open" and step.changed and _is_known(step):
            there.add(_name(step))
        elif kind == "unlink" or (kind in _MOVES and step.happened):
            there.discard(_name(step))
    return there


def _moved_away_by_any_call(evidence: Evidence) -> set[str]:
    """The names under which some call made a file that was gone from there when it returned."""
    calls = map(evidence.steps_of, evidence.operations)
    return {name for steps in calls for name in _moved_away(steps)}


def _moved_away(steps: Iterable[Step]) -> Iterator[str]:
    """By a rename, or by a second name and the removal of the first one."""
    made: set[str] = set()
    linked: set[str] = set()
    for step in (step for step in steps if step.happened):
        kind = step.effect.kind
        if kind == "open" and step.changed:
            made.add(_name(step))
        elif kind == "link":
            linked.add(_name(step))
        elif kind in ("replace", "unlink"):
            yield from {_name(step)} & (made if kind == "replace" else made & linked)


def _is_known(step: Step) -> bool:
    """Whether the board knows by which name it made a file.

    ``tempfile`` chooses one by chance, and does not tell it where the opening raises afterwards.
    """
    return step.error is None or "*" not in _name(step)


def _name(step: Step) -> str:
    """What it opens, moves or removes."""
    return pattern_of(step.effect.paths[0])
