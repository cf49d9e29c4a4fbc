"""Where a trace could have gone another way that matters: steps that conflict and are not ordered.

After Flanagan and Godefroid, "Dynamic Partial-Order Reduction for Model Checking Software" (POPL
2005); returns of calls, and agents that sleep until something changes, are added here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from proofs.harness.conflicts import Aspect, Moment, Seen, Touch, Way, moments, ways_conflict
from proofs.harness.trace import Step


def races(seen: Seen, *, third: bool = False) -> Iterator[tuple[int, str]]:
    """Steps that conflict with one that could as well have come before, and whose that one is.

    For each step and each other agent the last such step of that agent. The verdicts depend on
    which calls had returned when others began, so a return conflicts with a call. An agent that
    sleeps is woken by any change, so it can be wanted awake from as early on as it can sleep. Where
    there is a third one who goes on when all others sleep, also as late as it can.
    """
    seen = list(_with_calls(seen, third=third))
    trace = [step for step, _ in seen]
    happened: dict[str, Moment] = {}  # before the next step of an agent
    latest: dict[tuple[Aspect, str], dict[tuple[str, Way], tuple[int, int]]] = {}
    for number, ((step, touched), moment) in enumerate(zip(seen, moments(seen), strict=True)):
        before = happened.get(step.agent, {})
        found: dict[str, tuple[int, int]] = {}
        for touch in touched:
            users = latest.setdefault(touch.thing, {})
            for (agent, way), place in users.items():
                if agent != step.agent and ways_conflict(way, touch.way):
                    found[agent] = max(found.get(agent, place), place)
            users[step.agent, touch.way] = (number, moment[step.agent])
        for agent, (earlier, count) in found.items():
            if count > before.get(agent, 0):
                yield earlier, step.agent
        if step.effect.kind == "sleep":
            yield from ((earlier, step.agent) for earlier in _sooner(trace[:number], step, moment))
        happened[step.agent] = moment


def _sooner(trace: Sequence[Step], sleep: Step, moment: Moment) -> Iterator[int]:
    """For each other agent the first step before the sleep that could as well come after it.

    Only if it has changed something since, by which the sleep would then be over.
    """
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    told = set()
    waiting: Step | None = None
    for number, step in enumerate(trace):
        counts[step.agent] += 1
        if step.agent == sleep.agent:
            waiting = step if step.waits else None
            continue
        if waiting is None and counts[step.agent] > moment.get(step.agent, 0):
            first.setdefault(step.agent, number)
            if step.wakes(sleep):
                told.add(step.agent)
        if waiting is not None and step.wakes(waiting):
            waiting = None
    return (first[agent] for agent in sorted(told))


_CALL: Final = Touch("calls", "", "looks")
_RETURN: Final = Touch("calls", "", "lets go")
_SLEEP: Final = Touch("pauses", "", "changes")
_WAKES: Final = Touch("pauses", "", "looks")


def _with_calls(seen: Seen, *, third: bool) -> Iterator[tuple[Step, tuple[Touch, ...]]]:
    """Each step with what it touched, and the calls, returns and pauses that matter to verdicts.

    A return is no step: it comes with the last one before the next call of that agent. Who sleeps
    first may be woken first, and who goes on after a sleep sets the clock to its end.
    """
    returns = [False] * len(seen)
    latest: dict[str, int] = {}
    for number, (step, _) in enumerate(seen):
        if step.effect.kind == "call" and step.agent in latest:
            returns[latest[step.agent]] = True
        latest[step.agent] = number
    for number in latest.values():
        returns[number] = True
    sleeping: set[str] = set()
    for (step, touched), is_return in zip(seen, returns, strict=True):
        is_sleep = step.effect.kind == "sleep"
        call = (_CALL,) * (step.effect.kind == "call")
        sleep = (_SLEEP,) * (is_sleep or step.agent in sleeping)
        wakes = (_WAKES,) * (third and step.changed)
        yield step, (*touched, *call, *sleep, *wakes, *(_RETURN,) * is_return)
        (sleeping.add if is_sleep else sleeping.discard)(step.agent)
