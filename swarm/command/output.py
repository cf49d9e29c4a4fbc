"""Standard output, and who must know when it is gone."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.words import one_line
from swarm.task import Task, TaskStatus

_log = logging.getLogger(__name__)

_COLOURS = {
    TaskStatus.PENDING: "yellow",
    TaskStatus.CLAIMED: "cyan",
    TaskStatus.IN_PROGRESS: "blue",
    TaskStatus.COMPLETED: "green",
    TaskStatus.FAILED: "red",
    TaskStatus.CANCELLED: "magenta",
}


class OutputLostError(CommandError):
    """What was to be told could not be written; whoever read it is gone, or the disk is full."""

    def __init__(self, reason: str) -> None:
        super().__init__(ExitStatus.OUTPUT_LOST, f"standard output is gone: {reason}")


def say(lines: Iterable[str] | str) -> None:
    """Print lines, all or the error that they could not be."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    if not text:
        return
    try:
        click.echo(text)
    except OSError as error:
        raise OutputLostError(str(error)) from None


def say_json(fields: Mapping[str, Any]) -> None:
    """Print one object on one line, in ASCII."""
    say(json.dumps(fields))


def say_done(operation: str, task_id: str, words: str, *, as_json: bool) -> None:
    """Print that an operation on a task was done."""
    if as_json:
        say_json({"task_id": task_id, "operation": operation, "outcome": "ok"})
    else:
        say(one_line(f"{task_id} {words}"))


def warn(words: str) -> None:
    """What is to be known though nothing failed: it goes the way of the board's log."""
    _log.warning("%s", words)


def show_warning(words: str, *, as_json: bool) -> None:
    """One line on standard error; if that is gone too, there is nobody to tell."""
    line = json.dumps({"warning": words}) if as_json else f"swarm: {one_line(words)}"
    try:
        click.echo(line, err=True)
    except OSError:
        pass


def task_json(task: Task) -> str:
    """A task as its file has it: one line of JSON."""
    return task.to_json_unchecked()


def coloured(status: TaskStatus, text: str | None = None) -> str:
    """A status in its colour, on a terminal whose owner did not say NO_COLOR."""
    shown = str(status) if text is None else text
    stdout = sys.stdout
    if os.environ.get("NO_COLOR") or stdout is None or not stdout.isatty():
        return shown
    return click.style(shown, fg=_COLOURS[status])
