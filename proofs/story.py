"""A counterexample as a story in words: what the agents did, turn by turn, and what broke.

It tells what the file holds. Nothing is run, and no board is imported.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from proofs.harness.counterexample import Counterexample
from proofs.harness.invariants import INVARIANTS
from proofs.told_turns import Turn, turns_of_lines
from strategies.programs import Ask
from strategies.scenarios import Scenario

WIDTH = 100
_TURNS_MAX = 30
_LOOKS = ("listdir ", "read ", "open r ", "stat ")
_EXPECTS = {
    "holds": "A bug to be mended: the replay of this file fails as long as it is there.",
    "violated": "A board that is broken on purpose: the replay fails once it is not convicted.",
}
_MODELS = {
    "K": "everything that was written is still there",
    "E": "what is left is what ext4 may leave",
    "W": "any change that was not synced may be lost",
    "S": "any change that was not synced may be lost, of a rename either half",
}


def story(counterexample: Counterexample) -> str:
    """The whole of it, in paragraphs with headings."""
    parts = [
        ("", _promise(counterexample)),
        ("At the beginning", _beginning(counterexample.scenario)),
        ("What happened", _happened(counterexample)),
        ("What broke", _broke(counterexample)),
        ("What it takes", _takes(counterexample)),
    ]
    return "\n\n".join(_section(heading, lines) for heading, lines in parts)


def _section(heading: str, lines: Iterator[str]) -> str:
    """Lines are broken where they are long, below what stands before their first word."""
    told = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()))
        hanging = f"{indent}   " if line.lstrip()[:1].isdigit() else f"{indent}  " * bool(indent)
        told += textwrap.wrap(
            line, WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
        )
    return "\n".join([*([heading] if heading else []), *told])


def _promise(found: Counterexample) -> Iterator[str]:
    yield f"{found.board} breaks {found.invariant}: {INVARIANTS[found.invariant]}."
    yield _EXPECTS[found.expect]


def _beginning(scenario: Scenario) -> Iterator[str]:
    if not scenario.tasks:
        yield "  The board is empty."
    for task in scenario.tasks:
        yield f"  On the board: {task.task_id}, {task.task_type}, priority {task.priority}."
    yield from (f"  Damaged before anybody starts: {damage}." for damage in scenario.damage)
    for agent, program in scenario.programs:
        yield f"  {agent} is to {', then '.join(_asked(program)) or 'do nothing'}."
    for agent, seconds in scenario.clock.skews_seconds:
        way = "ahead" if seconds > 0 else "behind"
        yield f"  The clock of {agent} is {abs(seconds):g} s {way}."
    if scenario.clock.file_tick_seconds:
        yield f"  File times tick by {scenario.clock.file_tick_seconds:g} s."


def _asked(program: Sequence[Ask]) -> Iterator[str]:
    """Each call; how often, where it comes several times in a row."""
    for ask, same in groupby(program):
        count = len([*same])
        yield _call(ask) + (f" {count} times" if count > 1 else "")


def _call(ask: Ask) -> str:
    if ask.name == "advance":
        return f"let {ask.seconds:g} s pass"
    about = f"({ask.task_id})" if ask.task_id is not None else ""
    unfenced = " without its token" if ask.task_id is None and not ask.fenced else ""
    of_types = f" of {' or '.join(ask.types)}" if ask.types else ""
    return f"{ask.name}{about}{of_types}{unfenced}"


def _happened(found: Counterexample) -> Iterator[str]:
    turns = turns_of_lines(found.trace, found.outcomes)
    for number, turn in enumerate(turns[:_TURNS_MAX], 1):
        yield from _told(number, turn)
    if len(turns) > _TURNS_MAX:
        yield f"  … and {len(turns) - _TURNS_MAX} turns more, which the file's trace holds."


def _told(number: int, turn: Turn) -> Iterator[str]:
    if turn.crash is not None:
        model = _MODELS.get(turn.crash, "")
        yield f"  {number}. All agents are gone. Model {turn.crash}: {model}."
        return
    head = "opens the board on that" if turn.agent == "recovering" else turn.doing
    yield f"  {number}. {turn.agent} {head}."
    yield from (f"     {sentence}" for sentence in turn.sentences())


def _broke(found: Counterexample) -> Iterator[str]:
    yield f"  {found.violation.rstrip('.')}."
    own, met = (*found.meets, "", "")[:2]
    is_race = len(found.meets) == 2 and not _went_wrong(found.scenario)
    if is_race and own.startswith(_LOOKS):
        yield f"  What an agent knew from {own!r} was no longer so once another had done {met!r}."


def _went_wrong(scenario: Scenario) -> bool:
    return bool(scenario.faults or scenario.damage or scenario.crashes)


def _takes(found: Counterexample) -> Iterator[str]:
    """What decides the run; a minimised one breaks nothing without each of these."""
    scenario = found.scenario
    yield from (f"  The fault: {fault}." for fault in scenario.faults)
    yield from (f"  The damage: {damage}." for damage in scenario.damage)
    for crash in scenario.crashes:
        lost = "; ".join(map(str, crash.lost)) or "nothing"
        when = f"before {crash.before[1]!r} of {crash.before[0]}" if crash.before else "at the end"
        yield f"  The crash {when}, by which is lost: {lost}."
    stopped = [turn for turn in turns_of_lines(found.trace, found.outcomes) if turn.stopped_before]
    for turn in stopped[:_TURNS_MAX]:
        yield f"  The switch: {turn.agent} stopped before {turn.stopped_before!r}."
    if scenario.clock.skews_seconds or scenario.clock.file_tick_seconds:
        yield "  The clocks, as above."
    if not stopped:
        yield "  No agent needs to be stopped: one after the other they break it."
    yield f"  Seen {' and '.join(f'in {gate}' for gate in found.gates)}."
