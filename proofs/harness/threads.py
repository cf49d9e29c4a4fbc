"""A gate for agents that are threads of this process: one runs, and stops before each effect."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from contextvars import Context
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
from proofs.harness.supervision import supervised, waiting_for
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

    The calling thread runs none of them (see ``supervised``): it waits, so that an agent that never
    comes back can be given up. Who is first acts in the thread that does the run. All these threads
    are kept for later gates, so what a board stores in its thread is there in the next run, as what
    it stores in its module. Threads that an agent starts are parts of it, and stop at the gate as
    it does. Used once. The doors must be open for it (see ``interception``).
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
        self._threads: list[tuple[KeptThread, GatedAgent]] = []
        self._over = closed_lock()
        self._patience = Patience(limits.hanging_seconds)
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
        supervised(partial(self._run, programs, clock or Clock(), chance), by_turns=True)

    def _run(self, programs: Mapping[str, Callable[[], None]], clock: Clock, chance: int) -> None:
        self.scheduling = Scheduling(
            programs,
            self._scheduler,
            self.time,
            effects_max=self._effects_max,
            watch=self._watch,
            nemesis=self._nemesis,
        )
        agents = {
            name: self._kind(name, self, clock.skew_ns(name), chance) for name in sorted(programs)
        }
        first = self.scheduling.first()
        with waiting_for(self) as here:
            self._place(here, agents[first])
            others = [name for name in agents if name != first]  # sorted, as threads are given out
            for thread, name in zip(take(len(others)), others, strict=True):
                self._place(thread, agents[name])
                thread.keep_on(here.cores)
                thread.give(partial(self._act, agents[name], programs[name]), name)
            self.chosen = first
            after = Context().run(self._act, agents[first], programs[first])
            if agents[first].is_abandoned:
                raise RunAbortedError
            if after is not self._over:
                after.release()
                self._over.acquire()
        self._let_go()
        error = self._what_went_wrong()
        if error is not None:
            raise error

    def _place(self, thread: KeptThread, agent: GatedAgent) -> None:
        thread.rename(agent.name)
        self._turns[agent.name] = thread.turn
        self._threads.append((thread, agent))

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

    def look(self) -> BaseException | None:
        """Give up whoever hangs; what is to be raised if the run is done in its thread."""
        self._look()
        if not self._threads or not self._threads[0][1].is_abandoned:
            return None
        while not self._over.acquire(timeout=TICK_SECONDS):
            take_the_alarm_off()
            self._look()
        self._let_go()
        return self._what_went_wrong()

    def give_up(self) -> None:
        """All unwind, and whoever hangs is left behind soon."""
        self._patience = Patience(UNWINDING_SECONDS)
        self.scheduling.abort()

    def _look(self) -> None:
        name = local_part(self.chosen, self._turns) or ""
        agent, ident = self._acting.get(name, (None, None))
        seen = (self.scheduling.effects, self.chosen, self.heard)
        if not self._patience.is_at_end(seen, ident):
            return
        words = hanging_words(name, self.trace, ident, self._patience.seconds)
        self._give_up(HangingError(f"{words}, and this thread was left behind"))
        self._patience = Patience(UNWINDING_SECONDS)
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

    def _let_go(self) -> None:
        """Of all threads but the first, which is not this gate's own."""
        for thread, agent in self._threads[1:]:
            if agent.is_done and not agent.is_abandoned:
                give_back([thread])
            else:
                thread.dismiss()
        gone = {} if self._is_at_fault else self._gone  # else who is left stands where it stood
        for name, wait_until_gone in gone.items():
            if name not in self._acting or not self._acting[name][0].is_abandoned:
                wait_until_gone()

    def _what_went_wrong(self) -> BaseException | None:
        if self._unknown is not None and not self._is_at_fault:
            return self._unknown
        stuck = self.scheduling.stuck
        return self._error or (None if stuck is None else StuckError(stuck))

    def _turn_of(self, chosen: str) -> _thread.LockType:
        self.chosen = chosen
        return self._turns.get(chosen) or self._turns[local_part(chosen, self._turns) or ""]
