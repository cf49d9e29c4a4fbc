"""The pages' code blocks, and a place in which they are run as a reader would run them.

What a block is follows from its language: ``python`` is executed, one block after the other in
one namespace, unless its first line is the name of a file in a comment: then it becomes that file.
``console`` is a transcript (see ``transcripts``), ``sh`` a script that must end well, ``json`` must
be JSON. All blocks of a page share one directory, in which ``.venv/bin`` has the commands.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from proofs.harness.board_path import importable_from
from proofs.transcripts import agrees, play, transcript

SECONDS_MAX: Final = 600
COLUMNS: Final = "100"
_NOT_PASSED_ON: Final = re.compile(r"SWARM_|PYTEST_|HYPOTHESIS|CI$|COLUMNS$|PYTHON")
_NAMED: Final = re.compile(r"# (\S+\.\w+)\n")


class Block(NamedTuple):
    """One code block; ``line`` is that of its fence in the page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.language or 'text'}"


def blocks_of(page: Path, name: str | None = None) -> Iterator[Block]:
    """All code blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```([\w-]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name or page.name, line, found[1], found[2])


def spans_of(page: Path) -> list[str]:
    """What stands between backticks in the sentences and tables of a page."""
    text = page.read_text(encoding="utf-8")
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`]+)`", plain)


def put_commands(directory: Path, sources: Path) -> None:
    """``pytest``, ``swarm`` and ``python`` in ``directory``: those of this interpreter."""
    directory.mkdir(parents=True)
    modules = {"python": "", "python3": "", "pytest": " -m pytest", "swarm": " -m swarm"}
    for name, module in modules.items():
        file = directory / name
        file.write_text(f'#!/bin/sh\nPYTHONPATH="{sources}" exec "{sys.executable}"{module} "$@"\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)


@dataclass(slots=True)
class Reader:
    """Does what the blocks of one page say, one after the other, in ``directory``.

    The caller stands in it: what is executed in this process is, too.
    """

    directory: Path
    environment: Mapping[str, str]
    names: dict[str, Any]

    @staticmethod
    def at(directory: Path, sources: Path) -> Reader:
        """Prepared with the commands, and with nothing of ours in its variables.

        ``CI`` is there: what is drawn is the same in every run.
        """
        commands = directory / ".venv" / "bin"
        put_commands(commands, sources)
        passed = {n: value for n, value in os.environ.items() if not _NOT_PASSED_ON.match(n)}
        path = f"{commands}{os.pathsep}{os.environ['PATH']}"
        return Reader(directory, {**passed, "PATH": path, "COLUMNS": COLUMNS}, {"__name__": "page"})

    def do(self, block: Block) -> None:
        """Raises AssertionError, or what the block raises, where it is not as the page says."""
        ways: dict[str, Callable[[Block], None]] = {
            "python": self._python,
            "console": self._console,
            "sh": self._sh,
            "json": self._json,
        }
        ways[block.language](block)

    def _python(self, block: Block) -> None:
        named = _NAMED.match(block.text)
        source = "\n" * block.line + block.text  # so that a traceback tells the page's lines
        code = compile(source, block.page, "exec")
        if named is None:
            exec(code, self.names)
        else:
            (self.directory / named[1]).write_text(block.text, encoding="utf-8")

    def _console(self, block: Block) -> None:
        typed = transcript(block.text)
        ran = play(typed, self.directory, self.environment, SECONDS_MAX)
        for one, printed in zip(typed, ran, strict=True):
            shown = "\n".join(printed)
            assert agrees(one.shown, printed), f"{block}\n$ {one.command}\n{shown}"

    def _sh(self, block: Block) -> None:
        ran = subprocess.run(
            ["sh", "-eu", "-c", block.text],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"

    def _json(self, block: Block) -> None:
        json.loads(block.text)


def read_through(blocks: Sequence[Block], directory: Path, sources: Path) -> None:
    """Do what these say, in order; files of the reader's own can be imported meanwhile."""
    reader = Reader.at(directory, sources)
    with importable_from(str(directory)):
        try:
            for block in blocks:
                reader.do(block)
        finally:
            for name, module in [*sys.modules.items()]:
                if str(getattr(module, "__file__", None)).startswith(f"{directory}{os.sep}"):
                    del sys.modules[name]
