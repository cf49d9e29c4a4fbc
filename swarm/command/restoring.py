"""``swarm quarantine``: what was damaged and moved away, and putting it back."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from swarm.command.asked import Asked, board_command
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.output import say, say_done, say_json
from swarm.command.words import name_line, one_line, when
from swarm.quarantine import QuarantinedFile


@click.group("quarantine")
def quarantine_command() -> None:
    """What was damaged and moved away."""


@board_command("list")
def list_command(asked: Asked) -> None:
    """What lies there, the oldest first.

    Of each its number, id, since when, why, and where.
    """
    files = asked.reader().quarantined()
    if asked.as_json:
        for file in files:
            say_json(quarantined_json(file))
    else:
        now = time.time()
        say(_line(file, now) for file in files)


@board_command("restore")
@click.argument("name", metavar="ID|NUMBER")
def restore_command(asked: Asked, name: str) -> None:
    """Put a mended file back on the board.

    Mend it where `quarantine list` says that it lies.
    Exits with 5 while it is still damaged, with 3 if another task bears its id by now.
    """
    board = asked.board()
    file = _named(board.quarantined(), name)
    task = board.restore(file)
    say_done("restore", task.task_id, f"{task.status}, back on the board", as_json=asked.as_json)


quarantine_command.add_command(list_command)
quarantine_command.add_command(restore_command)


def quarantined_json(file: QuarantinedFile) -> dict[str, object]:
    """One file, for programs."""
    return {
        "number": _number(file),
        "task_id": file.task_id,
        "moved_at": file.moved_at,
        "reason": file.reason,
        "path": str(file.path),
    }


def _line(file: QuarantinedFile, now: float) -> str:
    since = "?" if file.moved_at is None else when(file.moved_at, now)
    return one_line(
        f"{_number(file)}  {name_line(file.task_id)}  {since}: {file.reason}  {file.path}"
    )


def _number(file: QuarantinedFile) -> str:
    return file.path.parent.name


def _named(files: Sequence[QuarantinedFile], name: str) -> QuarantinedFile:
    """The file of that number or id. An id that lies there twice must be told apart."""
    found = [file for file in files if _number(file) == name]
    found = found or [file for file in files if file.task_id == name]
    if not found:
        words = f"{name!r} is not in quarantine: see swarm quarantine list"
        raise CommandError(ExitStatus.REFUSED, words)
    if len(found) > 1:
        numbers = ", ".join(map(_number, found))
        words = f"{name!r} lies in quarantine {len(found)} times: name one of {numbers}"
        raise CommandError(ExitStatus.USAGE, words)
    return found[0]
