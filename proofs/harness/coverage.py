"""What the executions of one proof reached together, and so whether they show anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from proofs.harness.conflicts import is_contended, order_of_conflicts
from proofs.harness.execution import Execution
from proofs.harness.trace import preemptions


@dataclass(slots=True)
class Coverage:
    """Grows by each execution; those of two gates or processes add up.

    ``orders`` are digests of the orders of conflicting effects; ``invoked`` and ``succeeded``
    count the calls of each operation; ``lacking`` are operations that the board does not have.
    """

    executions: int = 0
    contended: int = 0
    agents: int = 0
    tasks: int = 0
    preemptions: int = 0
    orders: set[str] = field(default_factory=set)
    invoked: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    lacking: set[str] = field(default_factory=set)

    def add(self, execution: Execution) -> None:
        """Count one more."""
        self.executions += 1
        self.contended += is_contended(execution.trace)
        self.agents = max(self.agents, len(execution.scenario.programs))
        self.tasks = max(self.tasks, len(execution.scenario.tasks))
        self.preemptions = max(self.preemptions, preemptions(execution.trace))
        self.orders.add(order_of_conflicts(execution.trace))
        self.lacking |= execution.lacking
        for operation in execution.history.operations:
            self.invoked[operation.name] += 1
            self.succeeded[operation.name] += operation.outcome == "ok"

    def merge(self, other: Coverage) -> None:
        """Add what another one counted."""
        self.executions += other.executions
        self.contended += other.contended
        self.agents = max(self.agents, other.agents)
        self.tasks = max(self.tasks, other.tasks)
        self.preemptions = max(self.preemptions, other.preemptions)
        self.orders |= other.orders
        self.invoked += other.invoked
        self.succeeded += other.succeeded
        self.lacking |= other.lacking

    def why_unknown(self) -> str | None:
        """Why these executions show nothing, if they do not."""
        if not self.executions:
            return "nothing was executed"
        if not self.contended:
            return f"no two agents ever touched the same thing in {self.executions:,} executions"
        idle = [name for name in sorted(self.invoked) if not self.succeeded[name]]
        if idle:
            told = [f"{name} never succeeded in {self.invoked[name]:,} calls" for name in idle]
            return ", ".join(told)
        return None

    def words(self, gate: str) -> str:
        """How much was tried, as one sentence; ``gate`` is "threads" or "processes"."""
        workers = f"{self.agents} processes" if gate == "processes" else gate
        return (
            f"{_count(self.agents, 'agent')} × {_count(self.tasks, 'task')}: "
            f"{_count(self.executions, 'execution')}, "
            f"{_count(len(self.orders), 'distinct order')} of conflicting effects, in {workers}"
        )

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
        }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
