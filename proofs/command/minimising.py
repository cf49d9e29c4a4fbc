"""``python -m proofs minimise``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from proofs.command.asked import FOLDER, board_option, file_argument, folder_to_write, gate_option
from proofs.command.cli import EPILOG
from proofs.exit_code import ExitCode


@click.command("minimise", epilog=EPILOG)
@file_argument
@board_option
@gate_option()
@click.option(
    "--counterexamples",
    "folder",
    type=click.Path(path_type=Path),
    callback=folder_to_write,
    metavar="DIR",
    default=FOLDER,
    show_default=True,
    help="Where the smaller one is written.",
)
def minimise_command(file: Path, board: str | None, gate: str | None, folder: Path) -> int:
    """Make a counterexample as small as it gets, and write it to a file of its own.

    Fewest preemptions first, then faults, calls, agents and tasks, for as long as the same promise
    breaks. Status 0: it was written; 3: it breaks nothing now.
    """
    from proofs.command.judging import board_to_replay, gates_of, read, say
    from proofs.harness.counterexample import save, shell_path
    from proofs.harness.gates import Gates
    from proofs.minimised import NothingToMinimiseError, minimised

    counterexample = read(file)
    proven = board_to_replay(counterexample, file, board)
    [at] = gates_of(counterexample, gate)
    with tempfile.TemporaryDirectory() as scratch, Gates(proven, Path(scratch, "board")) as gates:
        try:
            words, small = minimised(counterexample, gates, at, board)
        except NothingToMinimiseError as error:
            say(f"unknown: {error}")
            return ExitCode.UNKNOWN
    path = shell_path(save(small, folder))
    say(f"{words}\nReplay: pytest {path}\nExplain: python -m proofs explain {path}")
    return ExitCode.HOLDS
