"""``python -m proofs replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from proofs.command.asked import (
    board_option,
    files_argument,
    folder_to_write,
    gate_option,
    strict_option,
)
from proofs.command.cli import EPILOG
from proofs.exit_code import ExitCode


@click.command("replay", epilog=EPILOG)
@files_argument
@board_option
@gate_option("both")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    callback=folder_to_write,
    metavar="DIR",
    help="Write a report there.",
)
@strict_option
@click.option(
    "--bisect",
    is_flag=True,
    help="For git bisect run: 125 where a replay diverged and broke nothing, or could not judge.",
)
def replay_command(bisect: bool, **asked: Any) -> int:
    """Replay counterexamples, or folders of them, on the code as it is now."""
    try:
        return _replayed(bisect=bisect, **asked)
    except Exception:  # Ctrl-C is none
        if not bisect:
            raise
        import traceback

        traceback.print_exc()
        return ExitCode.SKIP


def _replayed(
    files: tuple[Path, ...],
    board: str | None,
    gate: str | None,
    report: Path | None,
    strict: bool,
    bisect: bool,
) -> int:
    from proofs.command.judging import all_of, code_of, judged, say, told

    all_found = []
    for found in judged([*all_of(files)], board, gate, strict):
        say(told(found.conclusion))
        all_found.append(found)
    if report is not None:
        from proofs.reported import reported

        say(f"Report: {reported([found.conclusion for found in all_found], report, board)}")
    if not bisect:
        return code_of(all_found)
    code = code_of([found for found in all_found if found.is_sure])
    is_sure = all(found.is_sure for found in all_found) or code is ExitCode.VIOLATED
    return code if is_sure and code in (ExitCode.HOLDS, ExitCode.VIOLATED) else ExitCode.SKIP
