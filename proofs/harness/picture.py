"""An execution as a person reads it: the agents side by side, and only the effects that matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from proofs.harness.columns import fitted, printable
from proofs.harness.conflicts import conflict
from proofs.harness.execution import Execution
from proofs.harness.history import Operation
from proofs.harness.scheduling import agent_of
from proofs.harness.trace import Step, preempted_after
from proofs.harness.turns import pattern_of
from strategies.scenarios import Scenario

WIDTH = 100
_NUMBER_WIDTH = 5
_COLUMN_WIDTH_MIN = 18
_AMID = "┆"
_STOPPED = "~~ stopped before"

ROWS_MAX = 40
"""With the words around them so many are what most screens hold."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line in the column of an agent; ``number`` is that of an effect, if it is one.

    ``is_amid`` tells that a call begins or ends there.
    """

    agent: str
    text: str
    number: int | None = None
    is_amid: bool | None = None


def picture(
    execution: Execution,
    width: int = WIDTH,
    *,
    also: Set[int] = frozenset(),
    until: int | None = None,
) -> str:
    """A column for each agent, a line for each call, answer, and effect that another one's meets.

    Where an agent was stopped that could have gone on, its column says before what. Above them is
    what the agents found: damage, several tasks, and clocks that are apart. ``also`` are numbers of
    effects that matter for another reason; those from ``until`` on are left out.
    """
    agents = sorted({*execution.scenario.agents, *(step.agent for step in execution.trace)})
    column = max(_COLUMN_WIDTH_MIN, (width - _NUMBER_WIDTH) // max(1, len(agents)))
    head = _row("", dict(zip(agents, agents, strict=True)), agents, column)
    rows, amid = [], dict[str, str]()  # who is amid a call, and goes on later
    for line in _lines(execution, also, until):
        number = "" if line.number is None else str(line.number)
        rows.append(_row(number, {**amid, line.agent: line.text}, agents, column))
        if line.is_amid is not None:
            amid[line.agent] = _AMID if line.is_amid else ""
    return "\n".join([*map(printable, found(execution.scenario)), head, *_at_most_a_screen(rows)])


def _at_most_a_screen(rows: list[str]) -> list[str]:
    """The middle is left out, with words, where they are more."""
    if len(rows) <= ROWS_MAX:
        return rows
    kept = ROWS_MAX // 2
    left_out = rows[kept : 1 - kept]
    stops = sum(_STOPPED in row for row in left_out)
    told = f", {stops} of them where an agent was stopped" if stops else ""
    return [
        *rows[:kept],
        f"   ⋮ {len(left_out)} more lines{told}: a report shows all (--proofs-report DIR)",
        *rows[1 - kept :],
    ]


def found(scenario: Scenario) -> Iterator[str]:
    """A line for each damage, one for several tasks, and one for clocks that are apart."""
    yield from (f"damage: {one}" for one in scenario.damage)
    tasks = sorted(scenario.tasks, key=lambda one: (one.priority, one.created_at, one.task_id))
    if len(tasks) > 1:
        is_by_age = len({task.priority for task in tasks}) == 1
        told = [f"{t.task_id}{'' if is_by_age else f' (priority {t.priority})'}" for t in tasks]
        order = "the oldest first" if is_by_age else "by priority and age"
        yield f"tasks on the board, {order}: {', '.join(told)}"
    clock = scenario.clock
    apart = [f"{agent} by {seconds:+g} s" for agent, seconds in clock.skews_seconds if seconds]
    if clock.file_tick_seconds:
        apart.append(f"file times tick by {clock.file_tick_seconds:g} s")
    if apart:
        yield f"clocks are apart: {', '.join(apart)}"


def outcomes(execution: Execution) -> tuple[str, ...]:
    """A line for each operation: who asked what, and what came of it."""
    return tuple(
        f"{operation.agent}: {operation.call()} -> {operation.response()}"
        for operation in execution.history.operations
    )


def _row(number: str, texts: dict[str, str], agents: Sequence[str], column: int) -> str:
    cells = (f"{fitted(texts.get(agent, ''), column - 1)} " for agent in agents)
    return f"{number:>{_NUMBER_WIDTH - 1}} {''.join(cells)}".rstrip()


def _lines(execution: Execution, also: Set[int], until: int | None) -> Iterator[_Line]:
    """All lines, in order; an effect done several times in a row is told once."""
    lines = _all_lines(execution, also, until)
    for _, group in groupby(lines, lambda line: (line.agent, line.text)):
        same = list(group)
        text = same[0].text + (f"  ×{len(same)}" if len(same) > 1 else "")
        yield _Line(same[0].agent, text, same[0].number, same[-1].is_amid)


def _all_lines(execution: Execution, also: Set[int], until: int | None) -> Iterator[_Line]:
    trace, matter = execution.trace, that_matter(execution.trace) | also
    preempted = frozenset(preempted_after(trace))
    # How an agent opened the board matters only where it never got any further.
    calls = {step.agent for step in trace if step.effect.kind == "call"}
    asking = {step.agent for step in trace} - calls
    begun = {(o.agent, o.invoked_at): o for o in execution.history.operations}
    ended = {_last_effect(trace, o): o for o in execution.history.operations}
    for number, step in enumerate(trace[:until]):
        if step.effect.kind == "call":
            asking.add(step.agent)
            operation = begun.get((step.agent, number))
            asked = operation.call() if operation else f"{step.effect.detail}(…"
            yield _Line(step.agent, asked, is_amid=True)
        elif number in matter and (step.agent in asking or step.agent != agent_of(step.agent)):
            yield _Line(step.agent, f"  {_effect(step)}", number)
        if number in ended:
            yield _Line(step.agent, f"-> {ended[number].response()}", is_amid=False)
        if number in preempted:
            following = next(s for s in trace[number + 1 :] if s.agent == step.agent)
            yield _Line(step.agent, f"{_STOPPED} {pattern_of(following.effect.label())}")


def _last_effect(trace: Sequence[Step], operation: Operation) -> int:
    """The number of the last effect of its agent before the answer, the call itself at least."""
    numbers = range(operation.returned_at - 1, operation.invoked_at, -1)
    own = (number for number in numbers if trace[number].agent == operation.agent)
    return next(own, operation.invoked_at)


def _effect(step: Step) -> str:
    if step.fault:
        return pattern_of(step.effect.label()) + step.ending("must wait")
    ending = " (must wait)" if step.waits else f" ! {step.error}" if step.error else ""
    return pattern_of(step.effect.label()) + ending


def that_matter(trace: Sequence[Step]) -> frozenset[int]:
    """The numbers of the effects that conflict with one of another agent, and of the faults.

    A lock of threads that kept nobody out is left out: a library may take a dozen for each call.
    """
    kept_out = {path for step in trace if _may_be_kept_out(step) for path in step.effect.paths}
    return frozenset(
        number
        for number, step in enumerate(trace)
        if step.is_struck
        or (
            not (_is_of_a_thread_lock(step) and kept_out.isdisjoint(step.effect.paths))
            and any(
                other.agent != step.agent and conflict(step.effect, other.effect) for other in trace
            )
        )
    )


def _may_be_kept_out(step: Step) -> bool:
    return step.waits or step.effect.kind == "try"


def _is_of_a_thread_lock(step: Step) -> bool:
    is_named = all(path.startswith("<") for path in step.effect.paths)
    return step.effect.kind in ("lock", "unlock") and is_named
