"""Crashes of what was recorded, and how they are named so that they are found again.

A crash is named by effects and what of them is lost, not by numbers: so it still means something
once the code of a board has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from proofs.harness.disk import state_with
from proofs.harness.execution import Execution
from proofs.harness.persistence.changes import ChangeLog, DirectoryState, Named, Written
from proofs.harness.persistence.models import Loss, Losses
from proofs.harness.persistence.recovery import Acknowledged, acknowledged
from proofs.harness.trace import Step
from proofs.harness.turns import pattern_of
from strategies.crashes import Crash, Lost, Model


@dataclass(frozen=True, slots=True)
class Moment:
    """After ``at`` changes of a log, just before the effect of number ``step``, which makes the
    next one, and what agents had been told until then.
    """

    at: int
    step: int
    known: Acknowledged


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run, or a recovery from ``after``, came to its end by a crash: ``lost`` are what of its
    changes is not in the ``state`` that is left.
    """

    execution: Execution
    trace: Sequence[Step]
    log: ChangeLog
    moment: Moment
    state: DirectoryState
    lost: Losses
    model: Model
    after: Ended | None = None

    @property
    def all(self) -> tuple[Ended, ...]:
        """The crashes that led to this, and this one."""
        return (self,) if self.after is None else (*self.after.all, self)

    @property
    def size(self) -> tuple[int, ...]:
        """What makes it hard to understand: how much is lost, then how much had happened."""
        return (
            sum(len(one.lost) for one in self.all),
            *(one.moment.at for one in self.all),
        )

    def named(self) -> Crash:
        """By its effects."""
        before = None
        if self.moment.step < len(self.trace):
            step = self.trace[self.moment.step]
            before = (step.agent, *_nth(self.trace, self.moment.step))
        lost = (self._named(loss) for loss in sorted(self.lost))
        return Crash(self.model, before, tuple(lost))

    def _named(self, loss: Loss) -> Lost:
        number = self.log.steps[loss.at]
        label, occurrence = _nth(self.trace, number)
        return Lost(self.trace[number].agent, label, occurrence, pattern_of(loss.what))


def moments(execution: Execution, log: ChangeLog) -> Iterator[Moment]:
    """Before the first effect that changes anything, and after each."""
    yield from (
        Moment(at, step, acknowledged(execution, step))
        for at, step in _ends(log, len(execution.trace))
    )


def moments_of_recovery(trace: Sequence[Step], log: ChangeLog, known: Acknowledged) -> list[Moment]:
    """The same of a recovery, which has nobody to tell anything, and may have taken any task."""
    known = _in_recovery(known)
    return [Moment(at, step, known) for at, step in _ends(log, len(trace))]


def _in_recovery(known: Acknowledged) -> Acknowledged:
    return replace(known, taken=known.posted)


def _ends(log: ChangeLog, length: int) -> Iterator[tuple[int, int]]:
    """Between any two effects that change something: no crash is within one."""
    if log.unseen:
        raise ValueError(f"the log must hold all changes, got {'; '.join(log.unseen)}")
    for at in range(len(log.changes) + 1):
        step = log.steps[at] if at < len(log.steps) else length
        if at == 0 or log.steps[at - 1] < step:
            yield at, step


def find(
    crash: Crash, execution: Execution, trace: Sequence[Step], log: ChangeLog, after: Ended | None
) -> Ended | None:
    """The crash of this name in what was recorded; None if there is none that is allowed.

    ``after`` is the crash from which this is the recovery, if it is one.
    """
    step = len(trace) if crash.before is None else _step_of(trace, *crash.before)
    if step is None:
        return None
    at = sum(number < step for number in log.steps)
    losses = [_loss_of(lost, trace, log) for lost in crash.lost]
    found = [loss for loss in losses if loss is not None]
    state = state_with(log, at, crash.model, found)
    if len(found) < len(losses) or state is None:
        return None
    known = acknowledged(execution, step) if after is None else _in_recovery(after.moment.known)
    moment = Moment(at, step, known)
    return Ended(execution, trace, log, moment, state, tuple(found), crash.model, after)


def _nth(trace: Sequence[Step], number: int) -> tuple[str, int]:
    """The label of this step, and as the how manieth of its agent."""
    step = trace[number]
    label = pattern_of(step.effect.label())
    times = sum(_is(one, step.agent, label) for one in trace[: number + 1])
    return label, times


def _step_of(trace: Sequence[Step], agent: str, label: str, occurrence: int) -> int | None:
    found = [number for number, step in enumerate(trace) if _is(step, agent, label)]
    return found[occurrence - 1] if 0 < occurrence <= len(found) else None


def _is(step: Step, agent: str, label: str) -> bool:
    return step.agent == agent and pattern_of(step.effect.label()) == label


def _loss_of(lost: Lost, trace: Sequence[Step], log: ChangeLog) -> Loss | None:
    number = _step_of(trace, lost.agent, lost.label, lost.occurrence)
    kind, _, which = lost.what.partition(" ")
    for at, change in enumerate(log.changes):
        if log.steps[at] != number:
            continue
        if kind == "data" and isinstance(change, Written):
            return Loss(at, lost.what)
        if kind == "name" and isinstance(change, Named):
            names = [entry.name for entry in change.entries if pattern_of(entry.name) == which]
            if not which:
                return Loss(at, "name")
            if names:
                return Loss(at, f"name {names[0]}")
    return None
