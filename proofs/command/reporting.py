"""``python -m proofs report``."""

from __future__ import annotations

from pathlib import Path

import click

from proofs.command.asked import board_option, files_argument, folder_to_write, gate_option
from proofs.command.cli import EPILOG


@click.command("report", epilog=EPILOG)
@files_argument
@board_option
@gate_option("both")
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path),
    callback=folder_to_write,
    metavar="DIR",
    default=Path(".proofs", "report"),
    show_default=True,
    help="Where to write it.",
)
def report_command(
    files: tuple[Path, ...], board: str | None, gate: str | None, folder: Path
) -> int:
    """Replay counterexamples, or folders of them, and write a report of what they come to.

    The exit status is that of the replays.
    """
    from proofs.command.judging import all_of, code_of, judged, say, told
    from proofs.reported import reported

    all_found = [*judged([*all_of(files)], board, gate, is_strict=False)]
    for found in all_found:
        say(told(found.conclusion).splitlines()[0])
    say(f"Report: {reported([found.conclusion for found in all_found], folder, board)}")
    return code_of(all_found)
