"""A proof that a board stands crashes: executions, and all that each may leave at every moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proofs.harness.counterexample import Expect, save, shell_path
from proofs.harness.coverage import Coverage
from proofs.harness.crash_conviction import (
    CrashConviction,
    convict_crash,
    counterexample_of_crash,
)
from proofs.harness.crash_replay import STATES_MAX, power_loss_of
from proofs.harness.determinism import NondeterminismError, compare
from proofs.harness.execution import Execution
from proofs.harness.gates import Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.matrix import Cell
from proofs.harness.persistence.recovery import JUDGED
from proofs.harness.power_loss import PowerLoss, Restarts
from proofs.harness.proof import Conclusion, Extent, ViolatedError, run_again
from proofs.harness.verdict import UnknownError, Verdict
from strategies.crashes import MODELS, Model
from strategies.scenarios import Scenario

_RECOVERY: Final = "S15"


class CrashProof:
    """Opens the board on what is left, in each model up to the one that it promises to survive.

    ``invariant`` None: whatever a recovery is judged by, else this one alone. ``worst`` is the
    last model that is tried. ``states_max`` is for each moment and model, ``recoveries_max`` for
    each execution; of ``cut_off_max`` of the crashes the recoveries are cut off in turn. The
    counterexample is written to ``folder``. ``extent`` and ``space`` are told with the conclusion:
    whether the executions are all of a space, and which; where crashes of them were left out, it
    is a sample nevertheless. As in ``Proof``, the first execution, one in fifty, and each that
    fails are run a second time under guard.
    """

    gate: Final = "threads"

    def __init__(
        self,
        name: str,
        gates: Gates,
        folder: Path,
        restarts: Restarts,
        *,
        invariant: str | None = None,
        expect: Expect = "holds",
        worst: Model = MODELS[-1],
        states_max: int = STATES_MAX,
        recoveries_max: int | None = 100,
        cut_off_max: int | None = 1,
    ) -> None:
        self.name = name
        self.gates = gates
        self.coverage = Coverage()
        self.conviction: CrashConviction | None = None
        self.path: Path | None = None
        self.extent: Extent = "sampled"
        self.space = ""
        self._folder = folder
        self._restarts = restarts
        self._invariant = invariant
        self._expect = expect
        self._worst: Model = worst
        self._cut_off_max = cut_off_max
        self._losses = {
            model: power_loss_of(gates, restarts, model, recoveries_max, states_max)
            for model in self.models
        }
        self._cut = {
            model: power_loss_of(gates, restarts, model, recoveries_max, states_max)
            for model in self.models
        }
        self._schedule = GuardSchedule()
        self._acknowledged = False
        self._began = time.monotonic()

    @property
    def models(self) -> tuple[Model, ...]:
        """What may be lost at the most, by promise and as far as is tried, and all that is less."""
        promised = self.gates.board.promises.persistence
        if promised is None:
            return ()
        return MODELS[: min(MODELS.index(promised), MODELS.index(self._worst)) + 1]

    def examine(self, scenario: Scenario) -> Execution:
        """Run a scenario, and open the board on all that it may leave.

        Raises ``ViolatedError`` and ``UnknownError``.
        """
        execution = self.gates.run_recorded(scenario)
        if self._schedule.is_due():
            run_again(self.gates, self.gate, execution)
        self.coverage.add(execution)
        if execution.stuck is not None:
            raise UnknownError(f"the run got stuck: {execution.stuck}")
        assert execution.changes is not None
        if execution.changes.unseen:
            raise UnknownError(f"changes went unseen: {'; '.join(execution.changes.unseen)}")
        told = (one.outcome == "ok" for one in execution.history.operations)
        self._acknowledged = self._acknowledged or any(told)
        for model in self.models:
            self._crash(execution, model)
        return execution

    def may_still_reach(self) -> bool:
        """Whether more executions may show what these left out: something that was answered."""
        return not self._acknowledged

    def conclude(self) -> Conclusion:
        """What all the executions show together."""
        promises = self.gates.board.promises
        cut = [one for one in self._cut.values() if one.states]
        looked_at = (*JUDGED, _RECOVERY) if cut else JUDGED
        judged = [name for name in looked_at if promises.include(name)]
        tried = [*self._losses.values(), *cut]
        why = None if self._acknowledged else "nothing was ever acknowledged before a crash"
        space = f"{self.space}, " if self.space else ""
        words = f"{space}{self.coverage.words(self.gate)}; {self._told()}"
        is_sampled = any(one.is_sampled for one in tried)
        return Conclusion(
            self.name,
            self.gates.board.name,
            self.gate,
            "unknown" if why else "holds",
            f"{why}; {words}" if why else words,
            tuple(judged),
            extent="sampled" if is_sampled else self.extent,
            bound={
                **self.coverage.numbers(),
                "crash_states": sum(one.states for one in tried),
                "recoveries": sum(one.recoveries for one in tried),
            },
            executions=self.coverage.executions,
            seconds=round(time.monotonic() - self._began, 3),
            counterexamples=() if self.path is None else (str(self.path),),
            cells=tuple(self._cells()),
        )

    def _cells(self) -> Iterator[Cell]:
        """By the model of what the disk loses: what the board was opened on, so far."""
        for row, losses in (("a run", self._losses), ("a recovery", self._cut)):
            for model, loss in losses.items():
                broken = loss.found is not None  # by the last one that was tried
                for end, count in (("holds", loss.recoveries - broken), ("violated", int(broken))):
                    if count:
                        yield Cell("power loss", row, model, end, count, loss.words())

    def _told(self) -> str:
        told = [loss.words() for loss in self._losses.values()]
        cut = [f"recovery cut off, {loss.words()}" for loss in self._cut.values() if loss.states]
        return "; ".join([*told, *cut])

    def _crash(self, execution: Execution, model: Model) -> None:
        losses = self._losses[model]
        losses.take(execution)
        new = losses.crashes()
        losses.recover_all(self._invariant)
        self._judge(execution, losses, model)
        cut = self._cut[model]
        every = 1 if self._cut_off_max is None else max(1, len(new) // (self._cut_off_max or 1))
        for after in new[every // 2 :: every][: self._cut_off_max]:
            if cut.take_recovery(after):
                cut.recover_all(self._invariant)
                self._judge(execution, cut, model)

    def _judge(self, execution: Execution, losses: PowerLoss, model: Model) -> None:
        if losses.found is None:
            return
        verdict: Verdict = losses.found[0]
        run_again(self.gates, self.gate, execution)
        try:
            again = self.gates.run_recorded(execution.scenario)
            compare(execution, again)
            self.conviction = convict_crash(
                self.gates, again, verdict.invariant, model, self._restarts
            )
        except NondeterminismError as error:
            raise UnknownError(str(error)) from None
        board = self.gates.board
        found = counterexample_of_crash(self.conviction, board.text, self.gates.root, self._expect)
        self.path = save(found, self._folder)
        words = self.conviction.words(board.name)
        how = f"Replay: pytest {shell_path(self.path)}"
        told = f"{words}\nFound in execution {self.coverage.executions}.\n{how}"
        raise ViolatedError(told)
