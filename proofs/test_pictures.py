"""A counterexample in a terminal: columns that stay, at most a screen, colours where wanted."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest._io import TerminalWriter

from proofs.coloured_words import ColouredWords
from proofs.harness.columns import fitted, printable, width
from proofs.harness.execution import Execution
from proofs.harness.picture import ROWS_MAX, picture
from proofs.reports import kept, long_execution
from proofs.test_broken_boards import IS_DEEP
from proofs.test_plugin import pytest_in
from strategies.scenarios import Scenario

COLOURS = re.compile("\x1b\\[[0-9;]*m")


def renamed(execution: Execution, names: dict[str, str]) -> Execution:
    """The same with other names of agents."""
    return replace(
        execution,
        trace=[step._replace(agent=names[step.agent]) for step in execution.trace],
        scenario=Scenario(
            execution.scenario.tasks,
            tuple((names[name], program) for name, program in execution.scenario.programs),
        ),
        history=replace(
            execution.history,
            operations=[
                replace(one, agent=names[one.agent]) for one in execution.history.operations
            ],
        ),
    )


def test_who_is_amid_a_call_is_seen_while_others_go_on() -> None:
    _, *lines = picture(long_execution(2, agents=2)).splitlines()
    assert [line.split() for line in lines[:2]] == [["a1", "a2"], ["claim_next()"]]
    stopped = next(number for number, line in enumerate(lines) if "~~ stopped" in line)
    second = lines[stopped + 1]
    assert second.index("┆") == lines[0].index("a1")
    assert second.index("claim_next()") == lines[0].index("a2")
    assert "┆" not in lines[-1], "the other one was done"


@pytest.mark.parametrize(
    "names",
    [
        ("猫の代理人", "e\u0301mile\u0301"),
        ("\U0001f408\u200d\u2b1b" * 40, "b"),
        ("a\x1b[31m", "b\u202e"),
    ],
)
def test_columns_stay_in_place_whatever_agents_are_called(names: tuple[str, str]) -> None:
    plain = long_execution(2, agents=2)
    first, second = sorted(names)
    _, *told = picture(renamed(plain, {"a1": first, "a2": second})).splitlines()
    _, *expected = picture(plain).splitlines()
    assert len(told) == len(expected)
    for line, other in zip(told[1:], expected[1:], strict=True):
        assert line == other, "only the names differ"
    place = expected[0].index("a2")
    at = next(n for n in range(len(told[0]) + 1) if width(told[0][:n]) == place)
    assert told[0][at:].startswith(fitted(second, 40).rstrip()[:1])
    assert "\x1b" not in told[0] and "\u202e" not in told[0]


def test_a_picture_is_at_most_a_screen_and_says_what_it_leaves_out() -> None:
    lines = picture(long_execution(40)).splitlines()
    assert len(lines) == ROWS_MAX + 2  # the tasks, and the names of the agents
    [words] = [line for line in lines if "⋮" in line]
    left_out, stops = map(int, re.findall(r"\d+", words))
    assert left_out > 200 and 50 < stops < 80
    assert "claim_next()" in lines[2] and "-> t" in lines[-1]


def test_text_takes_the_places_that_a_terminal_gives_it() -> None:
    assert width("abc") == 3 and width("猫") == 2 and width("e\u0301") == 1 and width("\u200b") == 0
    assert (
        fitted("猫猫猫", 4) == "猫… "
        and fitted("ab", 4) == "ab  "
        and fitted("a\nb", 5) == "a\\nb "
    )
    assert printable("a\x1b[2J\u202e\ud800\tb\n") == "a\\x1b[2J\\u202e\\ud800\tb\n"


def test_colours_are_those_of_the_terminal_and_add_nothing_to_the_text() -> None:
    text = "S1 violated by x, in threads: y.\n\n" + picture(long_execution(2, agents=2))
    for has_markup in (False, True):
        file = io.StringIO()
        terminal = TerminalWriter(file)
        terminal.hasmarkup = has_markup
        ColouredWords(text + "\n  danger \x1b[2J").toterminal(terminal)
        written = file.getvalue()
        assert bool(COLOURS.search(written)) == has_markup
        assert COLOURS.sub("", written) == f"{text}\n  danger \\x1b[2J\n"


def test_pytest_s_own_options_say_whether_there_are_colours(tmp_path: Path) -> None:
    fields = json.loads(kept("no_lock").read_text()) | {"expect": "holds"}
    (tmp_path / "found.json").write_text(json.dumps(fields))
    for colour in ("yes", "no") if IS_DEEP else ("yes",):
        ran = pytest_in(tmp_path, "found.json", "--color", colour)
        stopped, *_ = [line for line in ran.output.splitlines() if "~~ stopped" in line]
        assert bool(COLOURS.search(stopped)) == (colour == "yes"), ran.output
