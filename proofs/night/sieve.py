"""Which violations are worth being made small: the first of its kind, and now and then another one.

Making one small takes seconds, and one bug may show in every second execution. Those that break
the same promise in the same words by the same kinds of faults are one kind: the first is made
small, and the fourth, the sixteenth and so on, since another bug may hide behind the same words.
The others are counted for the file that the last of their kind came to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from proofs.harness.execution import Execution
from proofs.harness.trace import KINDS_OF_FAULTS
from proofs.harness.verdict import Verdict

Kind = tuple[str, ...]

EACH: Final = 4
_WHERE_WORDS_END: Final = re.compile(r"[:;,]")


def kind_of(execution: Execution, broken: Verdict) -> Kind:
    """What a violation has in common with others, as far as can be told at once."""
    words = _WHERE_WORDS_END.split(broken.words)[0]
    faults = {step.kind_of_fault for step in execution.trace if step.is_struck}
    damage = {one.kind for one in execution.scenario.damage}
    kinds = [kind for kind in KINDS_OF_FAULTS if kind in faults]
    return (broken.invariant, re.sub(r"\d+", "*", words), *kinds, *sorted(damage))


@dataclass(slots=True)
class Sieve:
    """Counts each kind, for one board; kept from turn to turn."""

    counts: dict[Kind, int] = field(default_factory=dict)
    names: dict[Kind, str] = field(default_factory=dict)

    def is_due(self, kind: Kind) -> bool:
        """Whether this one is to be made small; to be asked once for each violation."""
        count = self.counts[kind] = self.counts.get(kind, 0) + 1
        while count % EACH == 0:
            count //= EACH
        return count == 1

    def came_to(self, kind: Kind, path: str) -> None:
        """This file keeps it."""
        self.names[kind] = path
