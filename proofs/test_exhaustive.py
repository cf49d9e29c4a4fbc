"""A pair of operations shows what is wrong with most broken boards, within two preemptions.

``test_any_board`` puts our own board through the same. Under the profile ``proofs-fuzz`` it is all
pairs and all broken boards, otherwise four boards and a pair that each cannot bear.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from proofs.harness.checkers import check
from proofs.harness.execution import Execution
from proofs.harness.gates import Gates
from proofs.harness.proof import Conclusion, Proof
from proofs.harness.proven_board import ProvenBoard
from proofs.harness.verdict import UnknownError, violations
from proofs.pairs import Pair, exhaust_all, pairs
from proofs.planted_bugs import INTERLEAVED, board_of, gate_of, name_of
from proofs.proving import Concludes
from proofs.test_broken_boards import IS_DEEP

QUICK: Final[dict[str, Pair]] = {
    "no_lock": ("claim_next", "claim_next"),
    "posix_lock_lost_on_close": ("claim_next", "claim_next"),
    "read_before_the_lock": ("complete", "cancel"),
    "write_in_place": ("claim_next", "get_pending"),
}


class Collecting(Proof):
    """Notes what is violated instead of ending with it: here every board is broken."""

    def __init__(self, name: str, gates: Gates, module: ModuleType, folder: Path) -> None:
        super().__init__(name, gates, gate_of(module), folder)
        self.found: set[str] = set()

    def take(self, execution: Execution) -> None:
        self.coverage.add(execution)
        verdicts = check(execution, self.gates.board.promises)
        self.found |= {verdict.invariant for verdict in violations(verdicts)}


def needs_more_than_a_pair(module: ModuleType) -> bool:
    """Whether its bug shows only where a lease runs out, somebody claims twice, or says for what.

    Those who ask in a pair say that they can handle anything.
    """
    names = [[ask.name for ask in program] for program in module.PROGRAMS]
    is_choosy = any(ask.types is not None for program in module.PROGRAMS for ask in program)
    return is_choosy or any("advance" in calls or calls.count("claim_next") > 1 for calls in names)


@pytest.mark.parametrize(
    "module",
    INTERLEAVED if IS_DEEP else [m for m in INTERLEAVED if name_of(m) in QUICK],
    ids=name_of,
)
def test_a_pair_of_operations_shows_what_is_wrong_with_a_board(
    module: ModuleType, tmp_path: Path, concludes: Concludes
) -> None:
    with Gates(board_of(module), tmp_path / "board") as gates:
        proof = Collecting("pairs of operations", gates, module, tmp_path)
        exhaust_all(proof, pairs(gates.board.asks) if IS_DEEP else [QUICK[name_of(module)]])
    assert module.INVARIANT in proof.found or needs_more_than_a_pair(module), proof.found
    shown = ", ".join(sorted(proof.found)) or "nothing"
    if module.INVARIANT not in proof.found:
        shown += f"; {module.INVARIANT} needs a lease that runs out, or two claims of one agent"
    told = f"{proof.space}: {proof.coverage.words(proof.gate)}: {shown}"
    concludes(
        Conclusion(
            *("pairs of operations convict", name_of(module), proof.gate, "holds", told),
            invariants=(module.INVARIANT,) if module.INVARIANT in proof.found else (),
            extent="exhausted",
            bound=proof.coverage.numbers(),
            executions=proof.coverage.executions,
        )
    )


def test_a_pair_with_too_many_interleavings_is_a_sample_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofs.pairs.EXECUTIONS_MAX", 3)
    monkeypatch.setattr("proofs.pairs.EXECUTIONS_LEFT", 2)
    pair = ("claim_next", "claim_next")
    with Gates(ProvenBoard.named("proofs.our_board:TaskBoard"), tmp_path / "board") as gates:
        proof = Proof("pairs", gates, "threads", tmp_path)
        with pytest.raises(UnknownError, match="more than 3 executions, and were not exhausted"):
            exhaust_all(proof, [pair])
        exhaust_all(proof, [pair], must_end=False)
    assert proof.extent == "sampled"
    assert proof.space.endswith(
        "not all of them for claim_next and claim_next on 1 task (cut off after 3 runs), "
        "claim_next and claim_next on 2 tasks (cut off after 2 runs)"
    )
