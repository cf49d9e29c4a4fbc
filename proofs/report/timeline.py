"""A run as the page shows it: who did what when, and the board's files at each moment.

As JSON it is columns of numbers and the texts that they stand for, so that ten thousand operations
take one megabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from proofs.harness.clock import EFFECT_NS
from proofs.harness.execution import Execution
from proofs.harness.film import BEFORE_ALL, Film, shown
from proofs.harness.history import KILLED
from proofs.harness.persistence.crashes import Ended
from proofs.harness.picture import found, that_matter
from proofs.harness.trace import Step, preempted_after
from proofs.harness.turns import pattern_of
from proofs.report.locks import locks_held
from strategies.scenarios import START

DISK: Final = "the disk"
"""Stands in the column of agents where a crash ends a run."""

TEXTS_BYTES_MAX: Final = 400_000
"""So much of all that files held is kept of one run."""

COMPARED_STEPS_MAX: Final = 3_000
"""In longer runs nobody looks which effects meet: comparing each with each would take too long."""

_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Texts:
    """Each text once, by its number; behind ``bytes_max`` in all only how long it was."""

    bytes_max: int | None = None
    all: list[str] = field(default_factory=list)
    left_out: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)
    _bytes: int = 0

    def number(self, text: str) -> int:
        """The one of this text."""
        if text not in self._numbers:
            self._numbers[text] = len(self.all)
            self.all.append(self._kept(text))
        return self._numbers[text]

    def _kept(self, text: str) -> str:
        size = len(text.encode(errors="surrogatepass"))
        if self.bytes_max is not None and self._bytes + size > self.bytes_max:
            self.left_out += 1
            return f"(not kept: {size:,} bytes, and the report has grown too large)"
        self._bytes += size
        return text


def timeline(
    execution: Execution, film: Film | None = None, ended: Ended | None = None
) -> dict[str, Any]:
    """All of it as JSON; ``docs/report.md`` is the reference. Without a film nothing of files.

    Where it ``ended`` by crashes, each is a last effect of the disk, and what is left follows it.
    """
    if ended is not None:
        execution = _before(execution, ended.all[0].moment.step)
    trace = execution.trace
    labels, texts = Texts(), Texts(TEXTS_BYTES_MAX)
    agents = sorted({*execution.scenario.agents, *(step.agent for step in trace)})
    numbers = {agent: number for number, agent in enumerate(agents)}
    files = [] if film is None else list(_files(film, len(trace), texts))
    steps = list(enumerate(trace))
    told: dict[str, Any] = {
        "agents": agents,
        "found": [*found(execution.scenario)],
        "labels": labels.all,
        "steps": {
            "agent": [numbers[step.agent] for step in trace],
            "label": [labels.number(pattern_of(step.effect.label())) for step in trace],
        },
        "waits": [number for number, step in steps if step.waits],
        "errors": [[number, step.error] for number, step in steps if step.error],
        "faults": [[number, _fault(step)] for number, step in steps if step.is_struck],
        "preempted": preempted_after(trace),
        "matter": sorted(that_matter(trace)) if len(trace) <= COMPARED_STEPS_MAX else None,
        "operations": [
            [
                numbers[one.agent],
                one.invoked_at,
                one.returned_at,
                one.call(),
                one.response(),
                one.outcome,
            ]
            for one in execution.history.operations
        ],
        "locks": [
            [numbers[held.agent], held.name, held.since, held.until, held.how]
            for held in locks_held(trace)
        ],
        "clock": [] if film is None else list(_clock(film, len(trace))),
        "crashes": [],
        "texts": texts.all,
        "files": files,
    }
    if ended is not None:
        _add_crashes(told, ended, labels, texts)
    return told | {"cut": _cut(execution, texts)}


def _add_crashes(told: dict[str, Any], ended: Ended, labels: Texts, texts: Texts) -> None:
    """An agent more, whose effects the crashes are."""
    told["agents"].append(DISK)
    before = _left_by(told)
    for number, one in enumerate(ended.all, len(told["steps"]["agent"])):
        words = _words(one)
        told["crashes"].append([number, words])
        told["steps"]["agent"].append(len(told["agents"]) - 1)
        told["steps"]["label"].append(labels.number(words))
        after = {name: texts.number(shown(data)) for name, data in one.state.files}
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                told["files"].append([number, name, after.get(name)])
        before = after


def _left_by(told: dict[str, Any]) -> dict[str, int]:
    """The number of the text of each file after the last change."""
    found = {name: text for _, name, text in told["files"]}
    return {name: text for name, text in found.items() if text is not None}


def _words(ended: Ended) -> str:
    crash = ended.named()
    what = "all agents are killed" if crash.model == "K" else "the power fails"
    when = ", once more, in the recovery" if ended.after is not None else ""
    return (
        f"{what}{when} (model {crash.model}); lost: {'; '.join(map(str, crash.lost)) or 'nothing'}"
    )


def _before(execution: Execution, until: int) -> Execution:
    """What was before all ended; the run went on, since what is lost is found out afterwards."""
    operations = [
        one
        if one.returned_at <= until
        else replace(one, returned_at=until, outcome="unknown", answer=None, error=KILLED)
        for one in execution.history.operations
        if one.invoked_at < until
    ]
    history = replace(execution.history, operations=operations)
    return replace(execution, trace=execution.trace[:until], history=history)


def _fault(step: Step) -> str:
    return step.fault or pattern_of(step.effect.label())


def _files(film: Film, effects: int, texts: Texts) -> Iterator[list[Any]]:
    """``[effect, path, text]`` for each change of a file, text None where it is gone."""
    before: dict[str, str] = {}
    for picture in film.pictures:
        after = picture.files
        if after is None or picture.number >= effects:
            continue
        for path in sorted({*before, *after}):
            if before.get(path) != after.get(path):
                text = after.get(path)
                yield [picture.number, path, None if text is None else texts.number(text)]
        before = after


def _clock(film: Film, effects: int) -> Iterator[list[float]]:
    """``[effect, seconds]`` where the time moved by more than effects take: seconds since the
    scenario began, after this effect.
    """
    yield [BEFORE_ALL, round(film.pictures[0].now_ns / _NS - START, 6)]
    for before, after in pairwise(film.pictures):
        passed_ns = after.now_ns - before.now_ns
        is_usual = 0 <= passed_ns <= EFFECT_NS * max(1, after.number - before.number)
        if not is_usual and after.number < effects:
            yield [after.number, round(after.now_ns / _NS - START, 6)]


def _cut(execution: Execution, texts: Texts) -> list[str]:
    """What is not shown, in words."""
    told = []
    if texts.left_out:
        told.append(f"{texts.left_out:,} versions of files are not kept, for their size")
    if len(execution.trace) > COMPARED_STEPS_MAX:
        told.append("which effects meet was not looked for in so long a run")
    if execution.stuck:
        told.append(f"the run was given up: {execution.stuck}")
    return told
