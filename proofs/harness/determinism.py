"""The same scenario runs the same way each time, or nothing can be said of a board."""

from __future__ import annotations

from proofs.harness.execution import Execution


class NondeterminismError(Exception):
    """The same scenario did not run the same way twice: nothing can be said of the board."""


def compare(first: Execution, second: Execution) -> None:
    """Raise ``NondeterminismError`` where two runs of one scenario differ, and say where."""
    if first == second:
        return
    for number, (one, two) in enumerate(zip(first.trace, second.trace, strict=False)):
        if one != two:
            words = f"at effect {number} {one.label()!r}, and then {two.label()!r}"
            raise NondeterminismError(f"one scenario ran in two ways: {words}")
    parts = [
        name for name in ("trace", "history", "final", "files") if _differ(name, first, second)
    ]
    raise NondeterminismError(
        f"one scenario ran in two ways: other {' and '.join(parts) or 'endings'} on the same "
        f"effects; something that is drawn by chance or read from outside decides"
    )


def _differ(name: str, first: Execution, second: Execution) -> bool:
    return bool(getattr(first, name) != getattr(second, name))
