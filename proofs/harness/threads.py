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
from proofs.harness.hanging import (
    TICK_SECONDS,
    UNWINDING_SECONDS,
    EndedProcessError,
    HangingError,
    Patience,
    hanging_words,
    limits,
    raise_in,
    take_the_alarm_off,
)
from proofs.harness.kept_threads import KeptThread, closed_lock, give_back, take
from proofs.harness.nemesis import Nemesis
from proofs.harness.scheduler import Scheduler
from proofs.harness.scheduling import EFFECTS_MAX, RunAbortedError, Scheduling, StuckError
from proofs.harness.trace import Step
from proofs.harness.verdict import UnknownError
from proofs.harness.wire import Connection
from proofs.harness.worker_gate import WorkerGate, local_part
from strategies.clocks import Clock

__all__ = ["AgentKind", "RunAbortedError", "StuckError", "ThreadGate"]

AgentKind = Callable[[str, "ThreadGate", int, int], GatedAgent]
"""Makes an agent from its name, its gate, the skew of its clock in ns, and its chance."""


class ThreadGate:
    """Runs agents as threads, one at a time, in the order that a scheduler chooses.

    The calling thread runs none of them: it waits, so that it can give up an agent that never comes
    back and be interrupted without harm to any. Their threads are kept for later gates, so what a
    board stores in its thread is there in the next run, as what it stores in its module. Threads
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
        self._gone: dict[str, Callable[[], None]] = {}  # waits until a thread is gone
        self._acting: dict[str, tuple[GatedAgent, int]] = {}  # with the number of the thread
        self._unknown: UnknownError | None = None
        self._is_at_fault = False  # the error is one of the gate itself
        self.chosen = ""  # it may be a part of a child, for which one thread stands in
        self.heard = 0  # how often a child has told that it is at work

    def run(
        self,
        programs: Mapping[str, Callable[[], None]],
        clock: Clock | None = None,
        chance: int = 0,
    ) -> None:
        """Run all programs to their ends.

        Raises ``StuckError``, ``HangingError``, ``EndedProcessError``, and what a program raises.
        """
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
        threads = take(len(agents))
        for thread, (agent, program) in zip(threads, agents, strict=True):
            thread.give(partial(self._act, agent, program), agent.name)
            self._turns[agent.name] = thread.turn
        try:
            self._turn_of(self.scheduling.first()).release()
            self._await_end(limits.hanging_seconds)
        except BaseException:  # as an interrupt from the keyboard
            self.scheduling.abort()
            self._await_end(UNWINDING_SECONDS)
            raise
        finally:
            self._let_go(threads, [agent for agent, _ in agents])
        if self._unknown is not None and not self._is_at_fault:
            raise self._unknown
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

        self._gone[agent.name] = begin(live)

    def hang(self, words: str) -> None:
        """A child hangs: the run is given up."""
        self._give_up(HangingError(words))

    def end_process(self, agent: GatedAgent, words: str) -> None:
        """The process is that of all agents, and of whoever runs the proofs: it goes on."""
        told = f"{agent.name} {words}, which would have ended the proofs with it"
        self._give_up(EndedProcessError(f"{told}; prove it in worker processes"))
        agent.unwinds = True
        raise RunAbortedError

    def _act(self, agent: GatedAgent, program: Callable[[], object]) -> _thread.LockType:
        """One agent, from its first turn to its end; what to release then."""
        try:
            return self._act_out(agent, program)
        except BaseException as fault:
            if agent.is_abandoned:
                return closed_lock()
            self._error, self._is_at_fault = fault, True
            return self._over

    def _act_out(self, agent: GatedAgent, program: Callable[[], object]) -> _thread.LockType:
        self._acting[agent.name] = (agent, _thread.get_ident())
        with watching(agent):
            error = None if self.scheduling.is_over else agent.act(program)
        if agent.is_abandoned:
            return closed_lock()
        self._error = self._error or error
        chosen = self.scheduling.end(agent.name, failed=error is not None)
        return self._over if chosen is None else self._turn_of(chosen)

    def _await_end(self, seconds: float) -> None:
        """Until all agents are done, without those who do not come back."""
        patience = Patience(seconds)
        while not self._over.acquire(timeout=TICK_SECONDS):
            take_the_alarm_off()
            seen = (self.scheduling.effects, self.chosen, self.heard)
            name = local_part(self.chosen, self._turns) or ""
            agent, ident = self._acting.get(name, (None, None))
            if not patience.is_at_end(seen, ident):
                continue
            words = hanging_words(name, self.trace, ident, seconds)
            self._give_up(HangingError(f"{words}, and this thread was left behind"))
            patience = Patience(UNWINDING_SECONDS)
            if agent is not None and ident is not None:
                self._abandon(agent, ident)

    def _give_up(self, error: UnknownError) -> None:
        self._unknown = self._unknown or error
        self.scheduling.abort()

    def _abandon(self, agent: GatedAgent, ident: int) -> None:
        """Go on without this one, which does not come back, and unwinds if it ever does."""
        if agent.child is not None and agent.child.strike():
            return  # the thread that stands in for it comes back, now that the child is dead
        agent.abandon()
        raise_in(ident)
        chosen = self.scheduling.end(agent.name, failed=True)
        (self._over if chosen is None else self._turn_of(chosen)).release()

    def _let_go(self, threads: list[KeptThread], agents: list[GatedAgent]) -> None:
        for thread, agent in zip(threads, agents, strict=True):
            if agent.is_done and not agent.is_abandoned:
                give_back([thread])
            else:
                thread.dismiss()
        gone = {} if self._is_at_fault else self._gone  # else who is left stands where it stood
        for name, wait_until_gone in gone.items():
            if name not in self._acting or not self._acting[name][0].is_abandoned:
                wait_until_gone()

    def _turn_of(self, chosen: str) -> _thread.LockType:
        self.chosen = chosen
        return self._turns.get(chosen) or self._turns[local_part(chosen, self._turns) or ""]
