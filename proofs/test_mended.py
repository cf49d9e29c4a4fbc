"""What was mended stays mended: each bug of our board has a counterexample or a test that keeps it.

A file in ``proofs/counterexamples/`` that expects the promise to hold is one that our board once
broke. It is replayed at each gate where it was seen; ``pytest`` does so as well, at the first.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from proofs.error_matrix import BOARD, alone, faults_at_each_effect, was_struck
from proofs.harness.counterexample import Counterexample, load
from proofs.harness.gates import GATES, Gates
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.replay import replay
from proofs.planted_bugs import KEPT
from proofs.restarts import restarted
from strategies.faults import INTERRUPTIONS

ROOT = Path(__file__).resolve().parents[1]
OURS = "proofs.our_board:"
MENDED = {path: load(path) for path in sorted(KEPT.glob("*Board-*.json"))}


def test_what_is_to_hold_is_of_our_board_and_what_is_not_is_of_broken_ones() -> None:
    for path in KEPT.glob("*.json"):
        found = load(path)
        assert (found.expect == "holds") == found.board.startswith(OURS) == (path in MENDED)
    assert MENDED


@pytest.mark.parametrize("board", sorted({found.board for found in MENDED.values()}))
def test_what_was_mended_holds_at_each_gate_where_it_was_seen(board: str, memory: Path) -> None:
    """Not unknown either, as where nobody is asked for it any more; and its fault comes to pass."""
    with Gates(ProvenBoard.named(board), memory / "board") as gates:
        for (path, found), gate in product(MENDED.items(), GATES):
            if found.board == board and gate in found.gates:
                again = replay(found, gates, gate, restarted)
                assert again.verdict is None, f"{path.name} in {gate}: {again.verdict}"
                assert again.unjudged is None, f"{path.name} in {gate}: {again.unjudged}"
                execution = again.execution
                assert was_struck(execution) == bool(found.scenario.faults), path.name
                assert len(execution.damaged) == len(found.scenario.damage), path.name


def test_the_changelog_names_each_counterexample_of_what_was_mended() -> None:
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("proved from an installed package")
    named = set(re.findall(r"`(\w+Board-\w+-\w+)`", changelog.read_text(encoding="utf-8")))
    assert named == {path.stem for path in MENDED}


def test_each_test_that_the_docs_name_as_keeping_a_bug_is_there() -> None:
    page = ROOT / "docs" / "architecture.md"
    if not page.exists():
        pytest.skip("proved from an installed package")
    named = re.findall(r"`(test_\w+)`::`(test_\w+)`", page.read_text(encoding="utf-8"))
    assert len(named) >= 10
    for file, test in named:
        source = (ROOT / "proofs" / f"{file}.py").read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{test} is not in {file}"


def kept(name: str) -> Counterexample:
    [path] = [path for path in MENDED if path.stem == name]
    return MENDED[path]


def test_a_post_is_a_duplicate_only_of_what_has_its_name(memory: Path) -> None:
    """What it raises no judge can tell for true or false, so it is looked at here."""
    found = kept("TaskBoard-R1-d9875d71")
    with Gates(ProvenBoard.named(found.board), memory / "board") as gates:
        execution = gates.run(found.scenario, "threads")
    last = execution.history.operations[-1]
    assert last.name == "post" and (last.error or "").startswith("FileExistsError:")
    assert "n2.json" not in execution.files


def test_a_prune_that_is_interrupted_leaves_nothing_aside(memory: Path) -> None:
    """Wherever a handler raises. No judge asks for that, as not every board can promise it."""
    board = ProvenBoard.named(BOARD)
    with Gates(board, memory / "board") as gates:
        plain = gates.run(alone(board, "prune"), "threads")
        faults = [f for f in faults_at_each_effect(plain) if f.what == INTERRUPTIONS[0]]
        assert any("/.aside" in fault.where for fault in faults)
        for fault in faults:
            execution = gates.run(replace(plain.scenario, faults=(fault,)), "threads")
            left = [name for name in execution.files if name.endswith("/.aside")]
            assert was_struck(execution) and not left, fault
