"""``python -m proofs export``."""

from __future__ import annotations

from pathlib import Path

import click

from proofs.command.asked import board_option, file_argument
from proofs.command.cli import EPILOG
from proofs.exit_code import ExitCode


@click.command("export", epilog=EPILOG)
@file_argument
@board_option
def export_command(file: Path, board: str | None) -> int:
    """Print a counterexample as a test for pytest, which needs this package and nothing else."""
    from proofs.command.judging import read, say
    from proofs.exported import exported

    say(exported(read(file), board).rstrip("\n"))
    return ExitCode.HOLDS
