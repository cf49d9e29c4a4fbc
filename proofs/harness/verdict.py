"""What a checker says of one invariant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proofs.harness.history import Operation

Value = Literal["holds", "violated", "unknown", "not applicable"]


class UnknownError(Exception):
    """The proof could not judge, and why. It never counts as a pass."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant in one execution; ``operations`` are those that violate it together.

    "unknown" never counts as a pass: the checker could not judge. "not applicable" says that
    nothing in the execution could have violated the invariant, and in its words why.
    """

    invariant: str
    value: Value
    words: str = ""
    operations: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        return f"{self.invariant} {self.value}" + (f": {self.words}" if self.words else "")


def holds(invariant: str) -> Verdict:
    """Nothing in the execution speaks against it."""
    return Verdict(invariant, "holds")


def violated(invariant: str, words: str, *operations: Operation) -> Verdict:
    """No order of the operations explains what was seen."""
    return Verdict(invariant, "violated", words, operations)


def unknown(invariant: str, words: str) -> Verdict:
    """It could not be judged."""
    return Verdict(invariant, "unknown", words)


def not_applicable(invariant: str, words: str) -> Verdict:
    """There was nothing to judge."""
    return Verdict(invariant, "not applicable", words)


def violations(verdicts: list[Verdict]) -> list[Verdict]:
    """Those that are violated."""
    return [verdict for verdict in verdicts if verdict.value == "violated"]
