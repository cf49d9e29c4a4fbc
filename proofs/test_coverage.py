"""What executions covered is counted, adds up, and is said in words; and why if it is nothing."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

from proofs.harness.coverage import Coverage
from proofs.harness.effects import Effect
from proofs.harness.execution import Execution
from proofs.harness.trace import Step
from proofs.histories import CLAIMED, TWO, execution, grant, nothing, op
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

APART = [
    Step("a1", Effect("write", ("t1.json",), changes=True)),
    Step("a2", Effect("write", ("t2.json",), changes=True)),
]
FIRST = [
    Step("a1", Effect("write", ("t1.json",), changes=True)),
    Step("a2", Effect("write", ("t1.json",), changes=True)),
]
SECOND = FIRST[::-1]
POLL = (Ask("claim_next"),)


def made(
    trace: list[Step],
    *,
    of: Execution | None = None,
    program: tuple[Ask, ...] = POLL,
    tasks: tuple[PostedTask, ...] = TWO,
    lacking: frozenset[str] = frozenset(),
) -> Execution:
    """An execution by two agents with the same program."""
    scenario = Scenario(tasks, (("a1", program), ("a2", program)))
    return replace(of or execution(CLAIMED), scenario=scenario, trace=trace, lacking=lacking)


def covered(*executions: Execution) -> Coverage:
    """What these cover."""
    coverage = Coverage()
    for one in executions:
        coverage.add(one)
    return coverage


def test_executions_in_which_nothing_was_contended_show_nothing() -> None:
    assert Coverage().why_unknown() == "nothing was executed"
    assert (
        covered(made(APART)).why_unknown()
        == "no two agents ever touched the same thing in 1 execution"
    )
    assert covered(made(APART), made(FIRST)).why_unknown() is None


def test_an_operation_that_never_succeeded_shows_nothing() -> None:
    program = (Ask("claim_next"), Ask("complete"))
    refused = execution(CLAIMED, op("a1", "complete", 3, 4, "t1", outcome="refused"))
    done = execution(CLAIMED, op("a1", "complete", 3, 4, "t1"))
    coverage = covered(*[made(FIRST, of=refused, program=program)] * 400)
    assert coverage.why_unknown() == "complete never succeeded in 400 calls"
    coverage.add(made(FIRST, of=done, program=program))
    assert coverage.why_unknown() is None


def test_an_operation_that_was_asked_for_and_never_invoked_shows_nothing() -> None:
    coverage = covered(made(FIRST, program=(*POLL, Ask("renew"))))
    words = "renew was asked for 2 times and never could be invoked"
    assert coverage.why_unknown() == words


def test_to_claim_by_capabilities_is_a_class_of_its_own() -> None:
    only = (*POLL, Ask("claim_next", types=("CODE_ANALYSIS",)))
    none = execution(CLAIMED, nothing("a2", 3, 4, capabilities=["CODE_ANALYSIS"]))
    words = "claim_next(capabilities) never succeeded in 1 call"
    assert covered(made(FIRST, of=none, program=only)).why_unknown() == words
    some = execution(grant("a2", 3, 4, 1, capabilities=["CODE_ANALYSIS"]))
    assert covered(made(FIRST, of=some, program=only[1:])).why_unknown() is None


def test_what_the_board_lacks_is_listed_apart() -> None:
    only_capable = (Ask("claim_next", types=("CODE_ANALYSIS",)),)
    program = (*POLL, Ask("renew"), *only_capable)
    lacking = frozenset({"renew", "claim_next(capabilities)"})
    coverage = covered(made(FIRST, program=program, lacking=lacking))
    assert coverage.why_unknown() is None
    assert coverage.lacking == lacking
    coverage = covered(made(FIRST, program=only_capable, lacking=frozenset({"claim_next"})))
    assert coverage.why_unknown() is None


def test_a_pass_states_its_bound_in_words() -> None:
    coverage = covered(made(FIRST), made(SECOND), made(FIRST, tasks=TWO[:1]))
    words = "2 agents × 2 tasks: 3 executions, 2 distinct orders of conflicting effects, in "
    assert coverage.words("threads") == words + "threads"
    assert coverage.words("processes") == words + "2 processes"


def test_coverages_add_up_to_what_one_would_have_counted() -> None:
    one, other = covered(made(FIRST)), covered(made(SECOND), made(APART))
    one.merge(pickle.loads(pickle.dumps(other)))
    assert one == covered(made(FIRST), made(SECOND), made(APART))
    assert one.executions == 3 and one.contended == 2


def test_a_coverage_is_plain_numbers_in_a_report() -> None:
    numbers = covered(made(FIRST), made(SECOND)).numbers()
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["executions"] == numbers["executions_contended"] == 2
    assert numbers["distinct_orders"] == numbers["operations"] == 2
