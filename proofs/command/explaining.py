"""``python -m proofs explain``."""

from __future__ import annotations

from pathlib import Path

import click

from proofs.command.asked import file_argument
from proofs.command.cli import EPILOG
from proofs.exit_code import ExitCode


@click.command("explain", epilog=EPILOG)
@file_argument
def explain_command(file: Path) -> int:
    """Tell a counterexample in words: who did what, where it was stopped, and what broke.

    What is told is what the file holds; nothing is run.
    """
    from proofs.command.judging import read, say
    from proofs.harness.counterexample import shell_path
    from proofs.story import story

    say(story(read(file)))
    path = shell_path(file)
    say(f"\nReplay: pytest {path}\nExport: python -m proofs export {path}")
    return ExitCode.HOLDS
