"""Commands within the sentences and tables of the pages: each is there, with its options.

What blocks hold is run by ``test_pages``. Whoever copies a command from a sentence types more than
its name; where such a one is run is told below, or why it is not.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import pytest

from proofs.command.cli import cli as proofs_cli
from proofs.commands import SOURCES
from proofs.pages import spans_of
from proofs.test_pages import pages
from swarm.command.cli import cli as swarm_cli

pytestmark = pytest.mark.skipif(not pages(), reason="not applicable: installed without the pages")

PROGRAMS: Final = ("pip", "gh", "git", "tox", "pytest", "python", "swarm", "docker", "npm", "sh")

WHERE: Final = {
    "pytest proofs/": ".ci/run types it in a fresh copy",
    "pytest proofs/ --hypothesis-profile=proofs-fuzz": "it takes hours; nights play parts of it",
    "python -m proofs.error_matrix": "test_errors_at_every_effect compares its page, in depth",
    "python -m proofs.mutant_table": "test_mutants compares its page, in depth",
    "python -m proofs.planted_bugs": "test_broken_boards does the same, and replays what is kept",
    "python -m proofs.drawn_counterexample": "test_drawn_counterexample compares what it draws",
    "python -m proofs.benchmarks.executions": "it measures; what it says differs by machine",
    "python -m proofs.night.canary": "it measures for an hour; test_night reads what it wrote",
    "tox -m proofs": "it needs four interpreters; the workflow proofs.yml has them",
    "tox -e fuzz -- --budget 10m": ".ci/run types it with less",
    "tox -e fuzz -- --budget 30m": ".ci/run types it with less",
    "tox -e style,types": ".ci/run runs both",
    ".ci/run": "the workflow proofs.yml runs it",
    ".ci/issue-text": "test_workflows runs it",
    "pip install --group dev": "it asks an index of packages",
    "pip install 'swarm-proofs[redis]'": "it asks an index of packages",
    "gh run download RUN --name nightly --dir .proofs": "it asks GitHub",
    "python -m proofs fuzz --database redis://HOST:6379/0": "test_night_memory, with a server",
    "git bisect run": "test_proofs_command",
    "git bisect start BAD GOOD && git bisect run python -m proofs replay --bisect FILE": (
        "test_proofs_command, in depth"
    ),
    "git bisect start BAD GOOD && git bisect run python -m proofs replay FILE": (
        "test_proofs_command, in depth"
    ),
    "swarm run --forever --type translate -- ./translate": "test_swarm_run, with others",
    "swarm run --forever": "test_swarm_run",
    "pytest … --proofs-report DIR": "test_report_in_pytest",
    "python -m proofs fuzz --report DIR": "nightly.md has it in a block",
    "pytest --pyargs proofs --proofs-board BOARD": "README.md has it in a block",
    "pytest --pyargs proofs --proofs-board … -v": "your-own-board.md has it in a block",
    "pytest .proofs/counterexamples/board-S1-….json": "the block before it prints and runs it",
    "python -m proofs soak --board path/to/board.py:Board": "soak.md has it in a block",
}
"""Commands of which there is more than a name, and where they are run, or why not."""

_WORDS_OF_PYTEST: Final = ("--pyargs", "--hypothesis-profile", "-v")


def commands_in(page: Path) -> list[str]:
    """Those that begin with the name of a program, without the folder of an environment."""
    found = [" ".join(span.split()).removeprefix(".venv/bin/") for span in spans_of(page)]
    named = [one for one in found if one.partition(" ")[0] in PROGRAMS and " " in one]
    return [*named, *(one for one in found if one.startswith(".ci/"))]


def every() -> list[tuple[str, str]]:
    return sorted({(page.name, one) for page in pages() for one in commands_in(page)})


def is_a_name(command: str) -> bool:
    """Only the name of a command of ours, perhaps with what stands for files."""
    ours = r"(swarm|python -m (proofs|swarm))( [a-z]+)*( FILE…?)?"
    return re.fullmatch(rf"{ours}|pytest FILE(…|\.json)", command) is not None


@pytest.mark.parametrize(("page", "command"), every(), ids=" ".join)
def test_a_command_in_a_sentence_is_there_and_says_where_it_is_run(page: str, command: str) -> None:
    assert problems(command) == []
    assert is_a_name(command) or command in WHERE, f"{page}: {command}"


def test_what_is_named_is_in_a_page() -> None:
    assert set(WHERE) <= {command for _, command in every()}


@pytest.mark.parametrize(
    "command",
    [
        *("swarm rum", "swarm run --for-ever", "swarm quarantine restoer", "python -m proofs fuz"),
        *("python -m proofs fuzz --bugdet 5s", "python -m proofs.eror_matrix", "tox -e fuz"),
        *("python -m proofs.pages", "pytest --proofs-bord B", "tox -m proves", ".ci/rum"),
    ],
)
def test_a_command_that_is_not_there_is_convicted(command: str) -> None:
    assert problems(command) != []


def problems(command: str) -> list[str]:
    """What is wrong with it, as far as it is ours."""
    words = shlex.split(command)
    if words[0].startswith(".ci/"):
        return [] if (SOURCES / words[0]).exists() else [f"there is no {words[0]}"]
    if words[0] == "tox":
        return _problems_of_tox(words[1:])
    if words[0] == "pytest":
        return _problems_of_pytest(words[1:])
    if words[:2] == ["python", "-m"]:
        module, rest = words[2], words[3:]
        if module == "proofs":
            return _problems_of(proofs_cli, rest)
        return _problems_of(swarm_cli, rest) if module == "swarm" else _problems_of_module(module)
    return _problems_of(swarm_cli, words[1:]) if words[0] == "swarm" else []


def _problems_of(command: click.Command, words: list[str]) -> list[str]:
    """Of commands within commands, and of options up to ``--``."""
    context = click.Context(command)
    while words and isinstance(command, click.Group) and words[0].islower():
        found = command.get_command(context, words[0])
        if found is None:
            return [f"{words[0]} is no command"]
        command, words = found, words[1:]
    options = {text for one in command.params for text in one.opts}
    ours = words[: words.index("--")] if "--" in words else words
    return [f"{one} is no option" for one in ours if one.startswith("-") and one not in options]


def _problems_of_module(name: str) -> list[str]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return [f"there is no module {name}"]
    is_run = '__name__ == "__main__"' in Path(spec.origin).read_text(encoding="utf-8")
    return [] if is_run else [f"{name} does nothing when it is run"]


def _problems_of_tox(words: list[str]) -> list[str]:
    text = (SOURCES / "tox.ini").read_text(encoding="utf-8")
    names = words[1].split(",")
    if words[0] == "-m":
        return [f"{one} is no label" for one in names if f"\n    {one} = " not in text]
    return [f"{one} is no environment" for one in names if f"[testenv:{one}]" not in text]


def _problems_of_pytest(words: list[str]) -> list[str]:
    plugin = (SOURCES / "proofs" / "plugin.py").read_text(encoding="utf-8")
    options = [one.partition("=")[0] for one in words if one.startswith("-")]
    return [
        f"{one} is no option"
        for one in options
        if one not in _WORDS_OF_PYTEST and f'"{one}"' not in plugin
    ]
