"""Runs of one scenario with faults, and what their traces and histories say: for several proofs."""

from __future__ import annotations

from dataclasses import replace

from proofs.harness.determinism import compare
from proofs.harness.execution import Execution
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.turns import pattern_of
from strategies.faults import Fault
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario

BASE = "proofs.broken_boards.base:LockAndScan"
CLAIM_AND_COMPLETE = (Ask("claim_next"), Ask("complete"))
SCENARIO = Scenario(
    (PostedTask("t1"), PostedTask("t2")),
    (("a1", CLAIM_AND_COMPLETE), ("a2", (Ask("claim_next"),))),
)
REPLACE = "replace .t1.*.tmp -> t1.json"
WRITE = "write .t1.*.tmp"


def struck(execution: Execution) -> list[str]:
    """The steps that are faults or that a fault struck."""
    return [step.label() for step in execution.trace if step.is_struck]


def answers(execution: Execution) -> list[str]:
    """What each agent was told, in the order in which it asked."""
    return [f"{o.agent} {o.name}: {o.response()}" for o in execution.history.operations]


def run(gates: Gates, gate: GateName, *faults: Fault, scenario: Scenario = SCENARIO) -> Execution:
    """Run the scenario with these faults."""
    return gates.run(replace(scenario, faults=faults), gate)


def in_both(gates: Gates, *faults: Fault, scenario: Scenario = SCENARIO) -> Execution:
    """Run in each gate, in each guarded as well; all must be one execution."""
    first = run(gates, "threads", *faults, scenario=scenario)
    for gate in GATES:
        for guarded in (False, True):
            again = gates.run(first.scenario, gate, guarded=guarded)
            assert not again.unseen
            compare(first, again)
    return first


def labels_of(execution: Execution, name: str) -> list[str]:
    """What one agent did, or one of its threads."""
    return [step.label() for step in execution.trace if step.agent == name]


def faults_of(execution: Execution) -> list[str]:
    """The faults of a trace, with stars for what chance made of a name."""
    return [pattern_of(label) for label in struck(execution)]
