"""The pages about the command: their transcripts are what happens, their scripts those that ran."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from proofs.commands import SOURCES, done, put_on_path, swarm
from proofs.test_drain_by_command import SCRIPTS
from proofs.transcripts import agrees, blocks, play, transcript
from swarm.command.exit_status import ExitStatus

DOCS = SOURCES / "docs"
PAGES = ("board-command.md", "any-language.md", "../README.md")


def page(name: str) -> str:
    if not (DOCS / name).exists():
        pytest.skip("not applicable: installed without the pages")
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_transcripts_of_a_page_are_what_happens(tmp_path: Path, name: str) -> None:
    others = {key: value for key, value in os.environ.items() if key[:6] != "SWARM_"}
    path = put_on_path(tmp_path / "bin", [sys.executable, "-m", "swarm"])
    for number, block in enumerate(blocks(page(name), "console")):
        directory = tmp_path / str(number)
        directory.mkdir()
        typed = transcript(block)
        for one, printed in zip(
            typed, play(typed, directory, {**others, "PATH": path}), strict=True
        ):
            assert agrees(one.shown, printed), f"$ {one.command}\n" + "\n".join(printed)


def test_a_page_that_tells_something_else_is_convicted() -> None:
    assert agrees(("a … c", "…", "z"), ["a b c", "d", "e", "z"])
    assert agrees(("…", "z"), ["z"]) and agrees((), [])
    assert not agrees(("a … c",), ["a b d"]) and not agrees(("a",), ["a", "b"])
    assert not agrees(("[1]",), []) and not agrees((), ["[1]"])


def test_the_scripts_of_the_page_are_those_that_drained_the_board() -> None:
    text = page("any-language.md")
    assert (SCRIPTS / "agent.sh").read_text() in [*blocks(text, "sh")]
    assert (SCRIPTS / "agent.mjs").read_text() in [*blocks(text, "js")]


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
