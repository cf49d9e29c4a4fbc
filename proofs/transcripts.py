"""Transcripts of a shell in the pages: what they show is what happens.

In a ``console`` block a line with ``$ `` before it is typed, those below are what it prints,
standard error first, and ``[3]`` an exit status other than 0. ``…`` stands for anything within a
line, and on a line of its own for any lines.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Typed:
    """One command, and what the page says that it prints."""

    command: str
    shown: tuple[str, ...]


def transcript(block: str) -> list[Typed]:
    """The commands of one block."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert parts[0] == "", f"a transcript must begin with a command, got {parts[0]!r}"
    lines = [part.splitlines() for part in parts[1:]]
    return [Typed(command, tuple(shown)) for command, *shown in lines]


def play(
    typed: list[Typed], directory: Path, environment: Mapping[str, str], seconds_max: float = 60
) -> list[list[str]]:
    """Type them into one shell, one after the other; of each the lines that it printed."""
    tell = "s=$?; cat .err .out; [ $s = 0 ] || echo [$s]; printf '\\0'"
    script = "".join(f"{{ {one.command}\n}} >.out 2>.err; {tell}\n" for one in typed)
    ran = subprocess.run(
        ["sh", "-c", script],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds_max,
    )
    return [printed.splitlines() for printed in ran.stdout.split("\0")[:-1]]


def agrees(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the page tells what was printed."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "…" else re.escape(_packed(line)).replace("…", ".*") + "\n"
        for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{_packed(line)}\n" for line in printed)) is not None


def _packed(line: str) -> str:
    """Columns are as wide as what is in them, which may be a time."""
    return re.sub(r" {2,}", "  ", line)
