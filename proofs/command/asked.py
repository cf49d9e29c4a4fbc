"""What several commands are asked with: files, the board and gate to replay them at.

Nothing is imported here but click: ``--help`` reads these.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

FOLDER: Final = Path(".proofs", "counterexamples")

_Command = Callable[..., Any]


def folder_to_write(
    _context: click.Context, _option: click.Parameter, path: Path | None
) -> Path | None:
    """One to write to, there or not yet; refused before anything runs, not once it is needed."""
    if path is None:
        return None
    above = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise click.BadParameter(f"must be a folder that can be written to, got {path}")
    return path


def file_to_read_if_named(context: click.Context, option: click.Parameter, path: Path) -> Path:
    """One whose usual place may be empty; who names another means a file that is there."""
    is_named = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    if is_named and not path.is_file():
        raise click.BadParameter(f"must be a file that is there, got {path}")
    return path


def file_argument(command: _Command) -> _Command:
    """One counterexample."""
    return click.argument("file", type=click.Path(exists=True, path_type=Path))(command)


def files_argument(command: _Command) -> _Command:
    """Several, or folders of them."""
    kind = click.Path(exists=True, path_type=Path)
    return click.argument("files", metavar="FILE…", nargs=-1, required=True, type=kind)(command)


def board_option(command: _Command) -> _Command:
    """On which board."""
    words = "Instead of the file's: MODULE:CALLABLE or path/to/file.py:CALLABLE."
    return click.option("--board", metavar="BOARD", help=words)(command)


def gate_option(*choices: str) -> Callable[[_Command], _Command]:
    """Where agents run."""
    return click.option(
        "--gate",
        type=click.Choice(["threads", "processes", *choices]),
        help="Where agents run; by default where it was found.",
    )


def strict_option(command: _Command) -> _Command:
    """Whether to let a replay diverge."""
    words = "A replay that takes another way than the one written down is unknown."
    return click.option("--strict", is_flag=True, help=words)(command)
