"""The page that tells of each mutation of our board what convicts it, or why nothing has to.

``python -m proofs.mutant_table`` tries all of them and writes ``docs/mutants.md``.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from proofs.mutants import PROOFS, Conviction, all_mutations, try_all
from proofs.mutations import Mutation

PAGE: Final = Path(__file__).parent.parent / "docs" / "mutants.md"

Tried = tuple[Mutation, Conviction | None]

REDUNDANT: Final = {
    r"(stat|read|listdir) .* doubled": "the second look is the one that counts, and it is made "
    "under the same lock or of a file that is never changed in place",
    r"open r .* doubled": "there is nothing to open yet, and nobody makes it meanwhile",
    r"fsync .* doubled": "what is on the disk is on the disk",
    r"write (\.index/pages|\.tokens/next) doubled": "the same bytes at the same place",
    r"flock .* doubled": "the same descriptor has the lock already",
    r"flock .* after the next": "the next effect looks whether the lock file is still the one at "
    "its path; that matters where somebody removes it, which `proofs/test_board_lock.py` proves",
    r"close .* after the next": "what was to be read is read and what was to be synced is synced; "
    "a descriptor that is open for one effect longer keeps nobody out but of the lock",
    r"unlock <swarm\.after_fork\.fork_gate> after the next": "the gate is there for forks, which "
    "`proofs/test_board_lock.py` proves; only the lock of threads is given back before it",
    r"unlock <a1 lock 1> after the next": "the next effect reads the task for the answer alone, "
    "and needs no lock",
    r"replace \.tmp/next\.json -> \S+ after the next": "the next effect only opens the directory "
    "that is to be synced, or takes the file's times for the index, which then do not match: the "
    "file is read again",
    r"write \.tokens/next left out": "a count that nobody wrote is taken for used up, and each "
    "claim reserves a block of its own",
    r"unlink \.tmp/next\.json doubled": "what is gone is gone, and that is passed over",
    r"unlink \.tmp/next\.json after the next": "the next effect opens the directory that is to be "
    "synced; the name that is too many goes before anybody else writes",
    r"unlock <a1 lock 1> doubled": "it cannot be let go of twice, and the error is passed over",
    r"write \.tokens/next after the next": "the next effect closes the file",
    r"write \.index/pages (left out|after the next)": "one page of the index is behind, the one "
    "with the times of files, or the header, or nothing but the order is changed: what it says of "
    "a task is compared with its file, and a line that is missed makes the index anew",
    r"close .* doubled": "it closes what another thread of the process has opened in between, if "
    "one has; the first such close of an operation is convicted of that, this one runs the same "
    "code under the same lock",
    r"(mkdir|unlink|link \S+ ->) \.archive\S* after the next": "the next effect only opens the "
    "directory that is to be synced",
    r"fsync \.archive/000001 \(2\) .*": "the second of two: what may be left is a second name, "
    "`.aside`, beside the archived file; where there are no links it is the only one",
}
"""Which mutations no proof has to see, as a pattern of their label and how, and why.

The number of an effect, where there are several of one label, may be in a pattern or not.
"""

_INTRODUCTION: Final = """\
# Our board, effect by effect

This is how we know that the proofs see what they must. In each operation of `swarm.TaskBoard` (with
`durability="power"`) each effect in turn is left out, done twice, or done after the next one, in
each call by each agent. What only looks cannot be left out, since the board needs an answer, and is
made twice. Then the board so mutated is proved: one agent after the other, with old files put back,
beside another agent in every interleaving with at most one preemption, killed after each effect,
and by a power failure at each moment.

This page is written by `python -m proofs.mutant_table`. `proofs/test_mutants.py` tries a few
mutations in each run, and all of them, comparing this page, under the profile `proofs-fuzz`.
"""


def reason(mutation: Mutation) -> str | None:
    """Why no proof has to see it; None if there is no reason."""
    words = {
        f"{mutation.label} {mutation.how}",
        str(mutation).removeprefix(f"{mutation.operation}: "),
    }
    for pattern, why in REDUNDANT.items():
        if any(re.fullmatch(pattern, one) for one in words):
            return why
    return None


def page(tried: Iterable[Tried]) -> str:
    """The whole text."""
    found = list(tried)
    return "\n".join([_INTRODUCTION, *_convictions(found), "", *_redundant(found), ""])


def _convictions(found: list[Tried]) -> Iterator[str]:
    yield "## What convicts them"
    yield ""
    yield f"| operation | mutations | {' | '.join(PROOFS)} | not seen |"
    yield f"|---|{'---:|' * (len(PROOFS) + 2)}"
    for name in dict.fromkeys(mutation.operation for mutation, _ in found):
        own = [conviction for mutation, conviction in found if mutation.operation == name]
        yield _row(name, own)
    yield _row("all", [conviction for _, conviction in found])


def _row(name: str, convictions: list[Conviction | None]) -> str:
    counts = Counter(one.proof if one else None for one in convictions)
    by_proof = " | ".join(str(counts[proof]) for proof in PROOFS)
    return f"| {name} | {len(convictions)} | {by_proof} | {counts[None]} |"


def _redundant(found: list[Tried]) -> Iterator[str]:
    unseen = [mutation for mutation, conviction in found if conviction is None]
    yield "## What no proof sees, and why"
    yield ""
    yield "| mutation | in operations | reason |"
    yield "|---|---|---|"
    by_words: dict[str, list[Mutation]] = {}
    for mutation in unseen:
        by_words.setdefault(f"`{mutation.label}` {mutation.how}", []).append(mutation)
    for words, mutations in sorted(by_words.items()):
        names = list(dict.fromkeys(mutation.operation for mutation in mutations))
        which = ", ".join(names) if len(names) < 5 else f"{len(names)} operations"
        yield f"| {words} | {which} | {reason(mutations[0]) or '**none known**'} |"


def main() -> None:
    """Try all, tell of each, and write the page."""
    tried = []
    for mutation, conviction in try_all(all_mutations()):
        tried.append((mutation, conviction))
        told = conviction.words if conviction else reason(mutation) or "UNSEEN, for no known reason"
        print(f"{mutation}: {conviction.invariant if conviction else '-'}: {told}", flush=True)
    PAGE.write_text(page(tried), encoding="utf-8")
    sys.exit(any(conviction is None and reason(one) is None for one, conviction in tried))


if __name__ == "__main__":
    main()
