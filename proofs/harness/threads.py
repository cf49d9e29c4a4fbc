"""A gate for agents that are threads of this process: one runs, and stops before each effect."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from proofs.harness.agents import acting
from proofs.harness.clock import SharedTime
from proofs.harness.gated_agent import GatedAgent
from proofs.harness.guard.guarded_agent import GuardedAgent
from proofs.harness.guard.profiler import watching
from proofs.harness.guard.watch import Watch
from proofs.harness.kept_threads import closed_lock, give_back, take
from proofs.harness.scheduler import Scheduler
from proofs.harness.scheduling import EFFECTS_MAX, RunAbortedError, Scheduling, StuckError
from proofs.harness.trace import Step
from strategies.clocks import Clock

__all__ = ["RunAbortedError", "StuckError", "ThreadGate"]


class ThreadGate:
    """Runs agents as threads, one at a time, in the order that a scheduler chooses.

    The agent that begins runs in the calling thread; a thread less to wake took a lean execution on
    tmpfs from some 2.4 to 1.2 ms. The others run in threads that are kept for later gates, so what
    a board stores in its thread is there in the next run, as what it stores in its module. Used
    once. The doors must be open for it (see
    ``interception``).
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
    ) -> None:
        self.root = root
        self.time = time
        self.trace: list[Step] = []
        self._scheduler = scheduler
        self._effects_max = effects_max
        self._watch = watch
        self._turns: dict[str, _thread.LockType] = {}
        self._over = closed_lock()
        self._error: BaseException | None = None

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
        )
        kind = GatedAgent if self._watch is None else GuardedAgent
        agents = [
            (kind(name, self, skews.skew_ns(name), chance), program)
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
        if self._error is not None:
            raise self._error
        if self.scheduling.stuck is not None:
            raise StuckError(self.scheduling.stuck)

    def hand_over(self, agent: GatedAgent, chosen: str) -> None:
        """Let the thread of ``chosen`` go on and wait for the next turn of this one."""
        self._turns[chosen].release()
        self._turns[agent.name].acquire()

    def _act(self, agent: GatedAgent, program: Callable[[], None]) -> _thread.LockType:
        """One agent, from its first turn to its end; what to release then."""
        failed = False
        try:
            if not self.scheduling.is_over:
                acting.agent = agent
                if self._watch is None:
                    program()
                else:
                    with watching(agent):
                        program()
        except RunAbortedError:
            pass
        except BaseException as error:
            failed, self._error = True, self._error or error
        finally:
            acting.agent = None
        chosen = self.scheduling.end(agent.name, failed=failed)
        return self._over if chosen is None else self._turns[chosen]
