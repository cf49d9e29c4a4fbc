"""What the pages say is what happens: each of their code blocks is run, or says why not.

The blocks of a page are run one after the other in one directory, by ``proofs.pages``. Those that
take long are run under ``proofs-fuzz`` only. What is not run at all is a skip of its own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import click
import pytest
from hypothesis import settings

from proofs.command.cli import cli
from proofs.commands import SOURCES
from proofs.exit_code import ExitCode
from proofs.harness.invariants import INVARIANTS
from proofs.pages import Block, Reader, blocks_of, read_through
from proofs.planted_bugs import KEPT

IS_DEEP = settings.get_current_profile_name() == "proofs-fuzz"

CI = "it sets up an environment; .ci/run types it, word for word, in a fresh copy"
DRAWN = "a drawing"
ELSEWHERE = "a script of proofs/workers/any_language; test_drain_by_command.py runs it"

NOT_RUN: Final = (
    ("README.md", "-m venv .venv && .venv/bin/pip install -e .", CI),
    ("README.md", ".venv/bin/tox -e fuzz -- --budget", CI),
    ("README.md", "  t1 was granted twice", "test_drawn_counterexample.py prints it anew"),
    ("README.md", "swarm/        the board", "the folders"),
    ("CONTRIBUTING.md", "pip install -e . tox", "as the README's, with tox"),
    ("any-language.md", "for type in", ELSEWHERE),
    ("any-language.md", "import { spawnSync }", ELSEWHERE),
    ("architecture.md", "strategies/   values", "the folders"),
    ("counterexamples.md", "the power fails at the end", DRAWN),
    ("tutorial.md", "~~ stopped before", "a picture of the bug; which one, Hypothesis decides"),
    ("your-own-board.md", "holds (sampled): Board", "one line of what a proof prints"),
)
"""Page, words in the block, and why it is not run."""

LONG: Final = (
    ("counterexamples.md", "pytest proofs/counterexamples/"),
    ("replay.md", "$ "),
    ("nightly.md", "$ "),
    ("soak.md", "$ "),
    ("README.md", "--proofs-board path/to/board.py:Board"),
    ("your-own-board.md", "--proofs-board path/to/board.py:Board"),
    ("tutorial.md", "pytest --pyargs proofs --proofs-board board.py:Board\n"),
)
"""Blocks that take more than some seconds: they are run under ``proofs-fuzz``."""


def pages() -> list[Path]:
    """Those of the project; none where it is installed without them."""
    if not (SOURCES / "pyproject.toml").exists():
        return []  # other packages may leave docs/ beside ours
    found = [SOURCES / "README.md", SOURCES / "CONTRIBUTING.md", *(SOURCES / "docs").glob("*.md")]
    return sorted(page for page in found if page.exists())


def all_blocks() -> list[Block]:
    return [block for page in pages() for block in blocks_of(page)]


def why_not(block: Block) -> str | None:
    reasons = [why for page, words, why in NOT_RUN if page == block.page and words in block.text]
    return reasons[0] if reasons else None


def is_long(block: Block) -> bool:
    return any(page == block.page and words in block.text for page, words in LONG)


def to_run(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if why_not(block) is None]


@pytest.mark.parametrize("page", [page for page in pages() if to_run(page)], ids=lambda p: p.name)
def test_what_a_page_says_is_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in to_run(page) if IS_DEEP or not is_long(block)]
    prepared(tmp_path, page)
    read_through(blocks, tmp_path, SOURCES)


def prepared(directory: Path, page: Path) -> None:
    """A board of the reader's own, where pages speak of ``path/to/board.py``; and what is kept in
    a clone, where one speaks of that.
    """
    if page.name == "counterexamples.md":
        shutil.copytree(KEPT, directory / "proofs" / "counterexamples")
    (directory / "path" / "to").mkdir(parents=True)
    text = (
        "from proofs.safe_boards import damage_skipped\n\n\n"
        "class Board(damage_skipped.Board):\n"
        '    promises = {"invariants": ["S0", "S1", "S13"], "lease_seconds": 3600}\n'
    )
    (directory / "path" / "to" / "board.py").write_text(text)


@pytest.mark.parametrize("block", all_blocks(), ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    """What has a language that nobody can run must be named above."""
    why = why_not(block)
    if why is not None:
        pytest.skip(f"not run: {why}")
    if is_long(block) and not IS_DEEP:
        pytest.skip("not run: it takes long; under --hypothesis-profile=proofs-fuzz")
    assert block.language in ("python", "console", "sh", "json"), block


@pytest.mark.parametrize("named", [*(n[:2] for n in NOT_RUN), *LONG], ids=lambda named: named[0])
def test_what_is_named_is_there(named: tuple[str, str]) -> None:
    if not pages():
        pytest.skip("not applicable: installed without the pages")
    page, words = named
    assert [block for block in all_blocks() if block.page == page and words in block.text], named


def anchors_of(page: Path) -> set[str]:
    """What GitHub calls the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_each_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if target.startswith(("http:", "https:")):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors_of(there), f"{page.name}: {target}#{anchor}"


@pytest.mark.skipif(not pages(), reason="not applicable: installed without the pages")
def test_the_reference_names_every_option_command_status_and_promise() -> None:
    text = (SOURCES / "docs" / "reference.md").read_text(encoding="utf-8")
    for name, command in commands().items():
        assert f"`python -m proofs {name}" in text, name
        for option in command.params:
            for told in option.opts:
                assert f"`{told}" in text or not told.startswith("-"), f"{name} {told}"
    plugin = (SOURCES / "proofs" / "plugin.py").read_text(encoding="utf-8")
    for option in re.findall(r'"(--proofs-\w+)"', plugin):
        assert f"`{option}" in text, option
    for code in ExitCode:
        assert f"\n| {int(code)} | " in text, code
    for name, promise in INVARIANTS.items():
        assert f"| {name} | {promise} |" in text


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    assert isinstance(cli, click.Group)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "assert 1 + 1 == 3\n"),
        ("python", "# broken.py\ndef\n"),
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ false\n"),
        ("sh", "false\ntrue\n"),
        ("json", "{'a': 1}\n"),
    ],
)
def test_a_block_that_tells_something_else_is_convicted(
    language: str, text: str, tmp_path: Path
) -> None:
    reader = Reader.at(tmp_path, SOURCES)
    with pytest.raises((AssertionError, SyntaxError, ValueError)):
        reader.do(Block("page.md", 1, language, text))


def test_a_reader_has_the_commands_and_the_blocks_share_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n# named.py\nVALUE = 7\n```\n\n```console\n$ cat named.py | tail -1\nVALUE = 7\n"
        "$ .venv/bin/python -c 'import named, proofs; print(named.VALUE)'\n7\n```\n"
        "```python\nimport os\n```\n```python\nassert os.path.exists('named.py')\n```\n"
    )
    blocks = [*blocks_of(page)]
    assert [str(block) for block in blocks][:2] == ["page.md:1 python", "page.md:6 console"]
    read_through(blocks, tmp_path, SOURCES)
