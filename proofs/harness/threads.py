"""A gate for agents that are threads of this process: one runs, and stops before each effect."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from proofs.harness.agents import Live
from proofs.harness.clock import SharedTime
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.guarded_agent import GuardedAgent
from proofs.harness.guard.profiler import watching
from proofs.harness.guard.watch import Watch
from proofs.harness.kept_threads import closed_lock, give_back, take
from proofs.harness.nemesis import Nemesis
from proofs.harness.scheduler import Scheduler
from proofs.harness.scheduling import EFFECTS_MAX, RunAbortedError, Scheduling, StuckError
from proofs.harness.trace import Step
from proofs.harness.wire import Connection
from proofs.harness.worker_gate import WorkerGate, local_part
from strategies.clocks import Clock

__all__ = ["AgentKind", "RunAbortedError", "StuckError", "ThreadGate"]

AgentKind = Callable[[str, "ThreadGate", int, int], GatedAgent]
"""Makes an agent from its name, its gate, the skew of its clock in ns, and its chance."""


class ThreadGate:
    """Runs agents as threads, one at a time, in the order that a scheduler chooses.

    The agent that begins runs in the calling thread; a thread less to wake took a lean execution on
    tmpfs from some 2.4 to 1.2 ms. The others run in threads that are kept for later gates, so what
    a board stores in its thread is there in the next run, as what it stores in its module. Threads
    that an agent starts are parts of it, and stop at the gate as it does. Used once. The doors must
    be open for it (see ``interception``).
    """

    scheduling: Scheduling

    def __init__(
        self,
        root: Path,
        scheduler: Scheduler,
        time: SharedTime,
        *,
        effects_max: int = EFFECTS_MAX,
        watch: Watch | None = None,
        nemesis: Nemesis | None = None,
        kind: AgentKind | None = None,
    ) -> None:
        self.root = root
        self.time = time
        self.trace: list[Step] = []
        self._scheduler = scheduler
        self._effects_max = effects_max
        self._watch = watch
        self._nemesis = nemesis
        self._kind: AgentKind = kind or (GatedAgent if watch is None else GuardedAgent)
        self._turns: dict[str, _thread.LockType] = {}
        self._over = closed_lock()
        self._error: BaseException | None = None
        self._gone: list[Callable[[], None]] = []  # waits until a thread is gone
        self.chosen = ""  # it may be a part of a child, for which one thread stands in

    def run(
        self,
        programs: Mapping[str, Callable[[], None]],
        clock: Clock | None = None,
        chance: int = 0,
    ) -> None:
        """Run all programs to their ends. Raises ``StuckError``, and what a program raises."""
        skews = clock or Clock()
        self.scheduling = Scheduling(
            programs,
            self._scheduler,
            self.time,
            effects_max=self._effects_max,
            watch=self._watch,
            nemesis=self._nemesis,
        )
        agents = [
            (self._kind(name, self, skews.skew_ns(name), chance), program)
            for name, program in sorted(programs.items())
        ]
        first = self.scheduling.first()
        here = next(one for one in agents if one[0].name == first)
        others = [one for one in agents if one is not here]
        threads = take(len(others))
        self._turns = {first: closed_lock()}
        for thread, (agent, program) in zip(threads, others, strict=True):
            thread.give(partial(self._act, agent, program), agent.name)
            self._turns[agent.name] = thread.turn
        self._act(*here).release()
        self._over.acquire()
        give_back(threads)
        for wait_until_gone in self._gone:
            wait_until_gone()
        if self._error is not None:
            raise self._error
        if self.scheduling.stuck is not None:
            raise StuckError(self.scheduling.stuck)

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Let the thread of ``chosen`` go on and wait for the next turn of this one."""
        self._turn_of(chosen).release()
        self._turns[agent.name].acquire()

    def gate_of_child(self, connection: Connection) -> WorkerGate:
        """In a child all but the child itself is behind its connection."""
        return WorkerGate(connection, self.root, self.scheduling)

    def admit(self, agent: GatedAgent, begin: Callable[[Live], Callable[[], None]]) -> None:
        """Begin a thread that waits for its first turn."""
        turn = self._turns[agent.name] = closed_lock()

        def live(program: Callable[[], object]) -> None:
            turn.acquire()
            self._act(agent, partial(agent.live, program)).release()

        self._gone.append(begin(live))

    def _act(self, agent: GatedAgent, program: Callable[[], object]) -> _thread.LockType:
        """One agent, from its first turn to its end; what to release then."""
        with watching(agent):
            error = None if self.scheduling.is_over else agent.act(program)
        self._error = self._error or error
        chosen = self.scheduling.end(agent.name, failed=error is not None)
        return self._over if chosen is None else self._turn_of(chosen)

    def _turn_of(self, chosen: str) -> _thread.LockType:
        self.chosen = chosen
        return self._turns.get(chosen) or self._turns[local_part(chosen, self._turns) or ""]
