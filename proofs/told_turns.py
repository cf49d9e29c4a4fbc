"""The turns of a run, read from the lines of its trace: who ran, and what that changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

_SHOWN_MAX: Final = 6
_CRASH: Final = re.compile(r"crash \d+: model (\w)")
_CHANGED: Final = {
    "write": "writes",
    "replace": "puts in place",
    "rename": "renames",
    "link": "links",
    "unlink": "removes",
    "truncate": "cuts",
    "rmdir": "removes",
    "fsync": "syncs",
    "flock": "takes the lock on",
    "lockf": "takes the lock on",
    "lock": "takes the lock",
}
"""What is told of an effect that went well, by the first word of its label."""

_LOOKS: Final = {"listdir": "lists", "read": "reads", "open r": "opens"}


class _Line(NamedTuple):
    """One line of a trace; ``ending`` is what stands in brackets behind the label."""

    agent: str
    label: str
    ending: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call that began or went on in a turn; ``answer`` None: it ends later, or never."""

    asked: str
    is_begun: bool
    answer: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one agent did until another one went on.

    ``stopped_before`` is the effect before which it was stopped though it could have gone on.
    ``crash`` is the model, where all ends here.
    """

    agent: str
    calls: tuple[Call, ...] = ()
    effects: tuple[str, ...] = ()
    struck: tuple[str, ...] = ()
    stopped_before: str | None = None
    waits_for: str | None = None
    last_look: str | None = None
    crash: str | None = None

    @property
    def doing(self) -> str:
        """Its calls, and what came of them."""
        told = [
            f"{'calls' if call.is_begun else 'goes on with'} {call.asked}"
            + (f", answered {call.answer}" if call.answer is not None else "")
            for call in self.calls
        ]
        return "; ".join(_counted(told)) or "opens the board"

    def sentences(self) -> Iterator[str]:
        """What it did to files, what struck it, and why it did not go on."""
        if self.effects:
            told = [*_counted(self.effects)]
            more = f" and {len(told) - _SHOWN_MAX} more" if len(told) > _SHOWN_MAX else ""
            yield f"It {', '.join(told[:_SHOWN_MAX])}{more}."
        yield from (f"Here goes wrong: {what}." for what in self.struck)
        if self.waits_for is not None:
            yield f"It must wait: {self.waits_for}."
        if self.stopped_before is not None:
            look = f", having done {self.last_look!r}" if self.last_look else ""
            yield f"It is stopped before {self.stopped_before!r}{look}."


def turns_of_lines(trace: Sequence[str], outcomes: Sequence[str]) -> list[Turn]:
    """One for each time that another agent goes on, and one for each crash."""
    lines = [_line(text) for text in trace]
    answers = _Answers(lines, outcomes)
    found, at = [], 0
    for agent, group in groupby(lines, lambda line: line.agent):
        own = [*group]
        at += len(own)
        crash = _CRASH.fullmatch(own[0].label) if agent == "" else None
        if crash is not None:
            found.append(Turn("", crash=crash[1]))
            continue
        following = next((line for line in lines[at:] if line.agent == agent), None)
        found.append(_turn(own, following, answers.of(agent, at - len(own), at)))
    return found


def _turn(own: Sequence[_Line], following: _Line | None, calls: tuple[Call, ...]) -> Turn:
    last = own[-1]
    waits = last.label if "waits" in last.ending else None
    looks = [line.label for line in own if not line.ending and _look(line.label)]
    return Turn(
        own[0].agent,
        calls,
        tuple(told for line in own if (told := _told(line)) is not None),
        tuple(
            f"{line.label} ({line.ending})" if line.ending else line.label
            for line in own
            if _is_struck(line)
        ),
        following.label if following is not None and waits is None else None,
        waits,
        looks[-1] if looks else None,
    )


class _Answers:
    """Which call of an agent each of its lines belongs to, and what came of it."""

    def __init__(self, lines: Sequence[_Line], outcomes: Sequence[str]) -> None:
        self._lines = lines
        self._asked: dict[int, tuple[str, str | None]] = {}
        left = {agent: [*told] for agent, told in _by_agent(outcomes)}
        for number, line in enumerate(lines):
            if line.label.startswith("call "):
                self._asked[number] = self._next(line, left.get(line.agent, []))

    def of(self, agent: str, start: int, end: int) -> tuple[Call, ...]:
        """The calls of an agent that begin or go on between these lines."""
        own = [number for number in self._asked if self._lines[number].agent == agent]
        before = [number for number in own if number < start][-1:]
        found = []
        for number in [*before, *(number for number in own if start <= number < end)]:
            last = self._last_line(number, own)
            if last >= start:
                asked, answer = self._asked[number]
                found.append(Call(asked, number >= start, answer if last < end else None))
        return tuple(found)

    def _last_line(self, number: int, own: Sequence[int]) -> int:
        """Of the call that begins at ``number``."""
        agent = self._lines[number].agent
        until = next((other for other in own if other > number), len(self._lines))
        return max(at for at in range(number, until) if self._lines[at].agent == agent)

    @staticmethod
    def _next(line: _Line, left: list[tuple[str, str]]) -> tuple[str, str | None]:
        name = line.label.removeprefix("call ")
        if left and left[0][0].partition("(")[0] == name:
            return left.pop(0)
        return f"{name}()", None


def _by_agent(outcomes: Sequence[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What each agent asked, in order, and what came of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in outcomes:
        agent, _, rest = line.partition(": ")
        asked, _, answer = rest.partition(" -> ")
        found.setdefault(agent, []).append((asked, answer))
    yield from found.items()


def _line(text: str) -> _Line:
    agent, _, rest = text.partition(": ")
    if _CRASH.fullmatch(text):
        return _Line("", text, "")
    match = re.fullmatch(r"(.*?)(?: \(([^()]*(?:\([^()]*\)[^()]*)*)\))?", rest)
    assert match is not None
    return _Line(agent, match[1], match[2] or "")


def _look(label: str) -> bool:
    return label.startswith(tuple(_LOOKS))


def _is_struck(line: _Line) -> bool:
    words = ("SIGKILL", "SIGTERM", "SIGSTOP", "KeyboardInterrupt", "clocks set", "short write")
    return "fault " in line.ending or line.label.startswith(words)


def _told(line: _Line) -> str | None:
    """What an effect changed, in words; None where it changed nothing, or failed."""
    kind, _, what = line.label.partition(" ")
    if line.ending or kind not in _CHANGED:
        return None
    what = re.sub(r"^(exclusive|shared|try|unlock) ", "", what)
    if kind in ("flock", "lockf") and " unlock " in f" {line.label} ":
        return f"lets go of the lock on {what}"
    return f"{_CHANGED[kind]} {what}"


def _counted(told: Iterable[str]) -> Iterator[str]:
    """Each once, with how often it came in a row."""
    for text, same in groupby(told):
        count = len([*same])
        yield f"{text} ({count} times)" if count > 1 else text
