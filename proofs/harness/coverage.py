"""What the executions of one proof reached together, and so whether they show anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from proofs.harness.conflicts import Seen, contended_in, order_of, touches
from proofs.harness.execution import Execution
from proofs.harness.trace import KINDS_OF_FAULTS, preemptions

CALLS_ENOUGH: Final = 100
"""What has not succeeded in so many calls is not expected to."""


@dataclass(slots=True)
class Coverage:
    """Grows by each execution; those of two gates or processes add up.

    ``faulty`` counts those in which a fault was to happen, ``faults`` each kind that did.
    ``orders`` are digests of the orders of conflicting effects. ``asked`` counts what programs ask
    for, ``invoked`` and ``succeeded`` the calls, each by operation; a claim_next that names
    capabilities counts as such too. ``raised`` is the first error of each operation; ``lacking``
    are operations that the board does not have.
    """

    executions: int = 0
    contended: int = 0
    agents: int = 0
    tasks: int = 0
    preemptions: int = 0
    faulty: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    orders: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    invoked: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    raised: dict[str, str] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)

    def add(self, execution: Execution, seen: Seen | None = None) -> None:
        """Count one more; ``seen`` is what its trace touched, where that is known already."""
        seen = touches(execution.trace) if seen is None else seen
        self.executions += 1
        self.contended += bool(contended_in(seen))
        self.agents = max(self.agents, len(execution.scenario.programs))
        self.tasks = max(self.tasks, len(execution.scenario.tasks))
        self.preemptions = max(self.preemptions, preemptions(execution.trace))
        if execution.scenario.faults:
            self.faulty += 1
            self.faults.update(step.kind_of_fault for step in execution.trace if step.is_struck)
        self.orders.add(order_of(seen))
        self.lacking |= execution.lacking
        for _, program in execution.scenario.programs:
            for ask in program:
                self.asked.update(_classes(ask.name, ask.name == "claim_next" and ask.types))
        for operation in execution.history.operations:
            classes = _classes(operation.name, operation.arguments.get("capabilities"))
            self.invoked.update(classes)
            self.succeeded.update(classes if operation.outcome == "ok" else ())
            if operation.error:
                self.raised.setdefault(operation.name, operation.error)

    def merge(self, other: Coverage) -> None:
        """Add what another one counted."""
        self.executions += other.executions
        self.contended += other.contended
        self.agents = max(self.agents, other.agents)
        self.tasks = max(self.tasks, other.tasks)
        self.preemptions = max(self.preemptions, other.preemptions)
        self.faulty += other.faulty
        self.faults += other.faults
        self.orders |= other.orders
        self.asked += other.asked
        self.invoked += other.invoked
        self.succeeded += other.succeeded
        self.raised = other.raised | self.raised
        self.lacking |= other.lacking

    def why_unknown(self) -> str | None:
        """Why these executions show nothing, if they do not."""
        if not self.executions:
            return "nothing was executed"
        if not self.contended:
            executions = _count(self.executions, "execution")
            told = [f"{name} raised {self.raised[name]}" for name in sorted(self.raised)]
            return "; ".join([f"no two agents ever touched the same thing in {executions}", *told])
        if self.faulty and not self.faults:
            return f"none of the faults of {_count(self.faulty, 'execution')} ever happened"
        return ", ".join(map(self._never, self.never_succeeded())) or None

    def may_still_reach(self) -> bool:
        """Whether more executions may show that what never succeeded so far can."""
        if not self.contended or (self.faulty and not self.faults):
            return True
        return any(self.invoked[name] < CALLS_ENOUGH for name in self.never_succeeded())

    def never_succeeded(self) -> list[str]:
        """The operations that were asked for and have to succeed once, and did not so far."""
        return [name for name in sorted(self.asked) if self._must_succeed(name)]

    def _must_succeed(self, name: str) -> bool:
        """Whether it was asked for and never was ok, though the board has it."""
        is_lacking = not self.lacking.isdisjoint({name, name.partition("(")[0]})
        return not self.succeeded[name] and not is_lacking

    def _never(self, name: str) -> str:
        if not self.invoked[name]:
            times = _count(self.asked[name], "time")
            return f"{name} was asked for {times} and never could be invoked"
        raised = self.raised.get(name.partition("(")[0])
        told = f" and raised {raised}" if raised else ""
        return f"{name} never succeeded in {_count(self.invoked[name], 'call')}{told}"

    def words(self, gate: str, orders: int | None = None) -> str:
        """How much was tried, as one sentence; ``gate`` is "threads" or "processes". ``orders`` are
        the distinct ones where they were counted elsewhere.
        """
        workers = f"{self.agents} processes" if gate == "processes" else gate
        return (
            f"{_count(self.agents, 'agent')} × {_count(self.tasks, 'task')}: "
            f"{_count(self.executions, 'execution')}, "
            f"{_count(len(self.orders) if orders is None else orders, 'distinct order')} "
            f"of conflicting effects"
            f"{self._faults_in_words()}, in {workers}"
        )

    def _faults_in_words(self) -> str:
        if not self.faulty:
            return ""
        kinds = (_count(self.faults[kind], kind) for kind in KINDS_OF_FAULTS if self.faults[kind])
        return f", {', '.join(kinds) or 'no fault'} in {_count(self.faulty, 'execution')}"

    def numbers(self) -> dict[str, int]:
        """The same as plain numbers."""
        return {
            "agents_max": self.agents,
            "tasks_max": self.tasks,
            "executions": self.executions,
            "executions_contended": self.contended,
            "preemptions_max": self.preemptions,
            "distinct_orders": len(self.orders),
            "operations": sum(self.invoked.values()),
        } | ({"faults": self.faults.total()} if self.faulty else {})


def _classes(name: str, capabilities: object) -> list[str]:
    return [name, f"{name}(capabilities)"] if capabilities else [name]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
