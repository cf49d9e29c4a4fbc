"""Judges: what an execution shows of each invariant. Nothing of any board is imported here.

S12 is judged where files were damaged. S15 needs a crash, and is not judged here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proofs.harness.checkers.claimability import in_order, no_false_empty, stale_comes_back
from proofs.harness.checkers.containment import contained, undamaged
from proofs.harness.checkers.endings import no_leak, no_wedge
from proofs.harness.checkers.evidence import Evidence
from proofs.harness.checkers.files import whole_files
from proofs.harness.checkers.finals import final_is_final
from proofs.harness.checkers.grants import (
    able_only,
    claimed_once,
    exactly_once,
    no_early_steal,
    one_live_owner,
)
from proofs.harness.checkers.linearizability import STEPS_MAX
from proofs.harness.checkers.listings import honest_listing, nothing_invented
from proofs.harness.checkers.orders import Disagreement, agreed, judge_orders
from proofs.harness.checkers.promises import PROMISES, Promises
from proofs.harness.checkers.results import one_result
from proofs.harness.checkers.tokens import no_zombie, tokens_grow
from proofs.harness.checkers.updates import honest_refusal, no_lost_update, nothing_lost
from proofs.harness.execution import Execution
from proofs.harness.verdict import Verdict, not_applicable, unknown

__all__ = ["LEAK", "PROMISES", "Disagreement", "Evidence", "Promises", "check"]

Checker = Callable[[Evidence], Verdict]

LEAK: Final = "R1"

CHECKERS: Final[dict[str, Checker]] = {
    "L1": no_wedge,
    "S8": whole_files,
    "S1": claimed_once,
    "S2": tokens_grow,
    "S3": one_live_owner,
    "S4": no_early_steal,
    "S5": no_zombie,
    "S9": one_result,
    "S14": final_is_final,
    "S6": no_lost_update,
    "S7": nothing_lost,
    "S10": honest_refusal,
    "S11": nothing_invented,
    "S16": honest_listing,
    "L2": stale_comes_back,
    "S13": no_false_empty,
    "S17": in_order,
    "S18": able_only,
    "S0": exactly_once,
    LEAK: no_leak,
}


def check(
    execution: Execution, promises: Promises = PROMISES, *, steps_max: int = STEPS_MAX
) -> list[Verdict]:
    """One verdict for each invariant that an execution can show; what is left over comes last.

    ``steps_max`` bounds each search for an order; what takes more is unknown.
    Raises ``Disagreement`` where our own checkers contradict each other. A run that got stuck is
    judged for that alone: what was under way then is not in its history. Where effects went unseen
    nothing is known to hold, nor to be violated.
    """
    verdicts = _check(execution, promises, steps_max)
    if not execution.unseen:
        return verdicts
    words = "; ".join(execution.unseen)
    known = ("holds", "violated")
    return [unknown(one.invariant, words) if one.value in known else one for one in verdicts]


def _check(execution: Execution, promises: Promises, steps_max: int) -> list[Verdict]:
    if execution.damaged and not promises.include("S12"):
        words = "a file was damaged, and the board does not promise to contain that"
        return [not_applicable(name, words) for name in ("S12", *CHECKERS)]
    whole = Evidence(execution, promises)
    evidence = Evidence(undamaged(execution), promises) if execution.damaged else whole
    if execution.stuck:
        others = ["S12", *(name for name in CHECKERS if name != "L1")]
        return [no_wedge(evidence), *(unknown(name, "the run got stuck") for name in others)]
    verdicts = [contained(whole), *(checker(evidence) for checker in CHECKERS.values())]
    by_search = judge_orders(evidence, steps_max=steps_max)
    judged = _joined(agreed(evidence, verdicts, by_search), by_search)
    return [_promised(verdict, promises) for verdict in judged]


def _promised(verdict: Verdict, promises: Promises) -> Verdict:
    if promises.include(verdict.invariant):
        return verdict
    return not_applicable(verdict.invariant, "the board does not promise it")


def _joined(verdicts: list[Verdict], by_search: list[Verdict]) -> list[Verdict]:
    """What an aspect convicts stays, in its words; else the search has the last one."""
    found = {verdict.invariant: verdict for verdict in reversed(by_search)}
    return [
        verdict if verdict.value == "violated" else found.get(verdict.invariant, verdict)
        for verdict in verdicts
    ]
