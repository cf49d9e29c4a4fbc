"""The pages about the command: their scripts are those that ran, and nothing is left out."""

from __future__ import annotations

import re

import pytest

from proofs.commands import SOURCES, done, swarm
from proofs.pages import blocks_of
from proofs.test_drain_by_command import SCRIPTS
from proofs.transcripts import agrees
from swarm.command.exit_status import ExitStatus

DOCS = SOURCES / "docs"


def page(name: str) -> str:
    if not (DOCS / name).exists():
        pytest.skip("not applicable: installed without the pages")
    return (DOCS / name).read_text(encoding="utf-8")


def test_a_page_that_tells_something_else_is_convicted() -> None:
    assert agrees(("a … c", "…", "z"), ["a b c", "d", "e", "z"])
    assert agrees(("…", "z"), ["z"]) and agrees((), [])
    assert not agrees(("a … c",), ["a b d"]) and not agrees(("a",), ["a", "b"])
    assert not agrees(("[1]",), []) and not agrees((), ["[1]"])


def test_the_scripts_of_the_page_are_those_that_drained_the_board() -> None:
    page("any-language.md")
    shown = [block.text for block in blocks_of(DOCS / "any-language.md")]
    assert (SCRIPTS / "agent.sh").read_text() in shown
    assert (SCRIPTS / "agent.mjs").read_text() in shown


def test_the_page_names_every_command_option_and_status() -> None:
    text = page("board-command.md")
    helped = done(swarm(None, "--help")).out
    for name in re.findall(r"^  (\w+)  ", helped.partition("Commands:")[2], re.MULTILINE):
        assert f"`{name}" in text, name
        options = re.findall(r"--[\w-]+", done(swarm(None, name, "--help")).out)
        for option in {*options} - {"--help"}:
            assert option in text, f"{name} {option}"
    for option in re.findall(r"--[\w-]+", helped):
        assert option in text or option == "--help", option
    for status in ExitStatus:
        assert f"\n| {int(status)} | " in text, status
