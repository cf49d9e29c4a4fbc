"""Calls a command, and turns whatever it raises into one line and a status."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

import click

from swarm.command.cli import cli
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError, status_of, told
from swarm.command.output import OutputLostError, warn
from swarm.errors import NetworkFileSystemWarning


def call(arguments: Sequence[str], *, as_json: bool) -> int:
    """The exit status; errors and the board's log are lines on standard error."""
    _speak_in_lines()
    try:
        answer = cli.main(list(arguments), prog_name="swarm", standalone_mode=False)
    except OutputLostError as error:
        return error.status  # a reader that went away, as head does, has seen enough
    except click.exceptions.Abort:
        return _failed(KeyboardInterrupt(), as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitStatus.USAGE
    except click.ClickException as error:
        return _failed(_usage(error), as_json)
    except (Exception, KeyboardInterrupt) as error:
        return _failed(error, as_json)
    return answer if isinstance(answer, int) else ExitStatus.DONE


def _failed(error: BaseException, as_json: bool) -> ExitStatus:
    try:
        click.echo(told(error, as_json=as_json), err=True)
    except OSError:
        pass  # nobody is left to be told; the status says it
    return status_of(error)


def _usage(error: click.ClickException) -> CommandError:
    words = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None:
        words = f"{words.rstrip('.')}; see {context.command_path} --help"
    return CommandError(ExitStatus.USAGE, words)


def _speak_in_lines() -> None:
    """The board's log and Python's warnings look like everything else on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIO) or hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    logger = logging.getLogger("swarm")
    logger.handlers[:] = [_Lines()]
    logger.propagate = False
    # Said by run and doctor: a line for each call of an agent would drown all others.
    warnings.simplefilter("ignore", NetworkFileSystemWarning)


class _Lines(logging.Handler):
    """One line a record, without tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message and, if one was being handled, the error."""
        error = record.exc_info[1] if record.exc_info else None
        warn(record.getMessage() + (f": {error}" if error else ""))
