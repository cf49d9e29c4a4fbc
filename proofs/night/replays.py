"""What comes first in a night: the corpus, counterexamples that are kept, Hypothesis' examples."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from proofs.harness.counterexample import load
from proofs.night.found import Found
from proofs.night.machine import NAME, machine_replay
from proofs.night.members import Member, is_not_ours
from proofs.night.stage import Stage
from proofs.replaying import found_at, replayed

CORPUS: Final = "corpus"
LEFT: Final = "not made small yet"
KEPT: Final = "counterexamples"
EXAMPLES: Final = f"examples of the {NAME}"


def _corpus(stage: Stage) -> None:
    """Its share of the entries, those of its gate; what adds nothing any more is dropped."""
    part, parts = stage.share
    entries = [entry for entry in stage.corpus.entries() if entry.gate == stage.gate]
    for entry in entries[part::parts]:
        if stage.until.is_over:
            return
        stage.judge.examine(entry.scenario)
        if stage.judge.learned != entry:
            stage.corpus.drop(entry)


def _kept(stage: Stage) -> None:
    """Its share of the files, each at the gate where it was found."""
    part, parts = stage.share
    for text in stage.files[part::parts]:
        path = Path(text)
        counterexample = load(path)
        gate = found_at(counterexample)
        again = replayed(
            counterexample, path, stage.board, gate, stage.gates.root, is_strict=stage.is_strict
        )
        told = again.conclusion
        stage.judge.replays[path.name] = told.verdict
        stage.judge.coverage.executions += told.executions
        if told.verdict == "violated":
            invariant, words = counterexample.invariant, told.words.splitlines()[0]
            board = stage.board.text
            stage.judge.note(Found(text, board, gate, invariant, words, told.words))
        elif told.verdict == "unknown":
            stage.judge.unknown[f"replay of {path.name}: {told.words}"] += 1


def _left(stage: Stage) -> None:
    """Its share of the files of a night that was killed: each is judged once more, and made small.

    What is not violated any more was mended since. What there is no time for is left to the next.
    """
    part, parts = stage.share
    for path in list(map(Path, stage.files))[part::parts]:
        if stage.until.is_over:
            return
        counterexample = load(path)
        if found_at(counterexample) == stage.gate and path.exists():
            unknown = stage.judge.unknown.total()
            stage.judge.examine(counterexample.scenario)
            if stage.judge.unknown.total() == unknown:
                path.unlink(missing_ok=True)


REPLAYS: Final = (
    Member(KEPT, _kept, ("threads",), opens_itself=True),
    Member(LEFT, _left),
    Member(CORPUS, _corpus),
    Member(
        EXAMPLES,
        machine_replay,
        ("threads",),
        is_not_ours,
        opens_itself=True,
    ),
)
"""As members of the portfolio, but they have their turns first and are counted apart."""
