"""Calls a command, and turns whatever it raises into one line and a status."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

import click

from swarm.command.cli import cli
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError, status_of, told
from swarm.command.output import OutputLostError, show_warning
from swarm.errors import NetworkFileSystemWarning


def call(arguments: Sequence[str], *, as_json: bool) -> int:
    """The exit status; errors and the board's log are lines on standard error."""
    with _speaking_in_lines(as_json):
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


@contextmanager
def _speaking_in_lines(as_json: bool) -> Iterator[None]:
    """The board's log looks like everything else on standard error, whatever is in it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("swarm")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [_Lines(as_json)], False
    try:
        with warnings.catch_warnings():
            # Said by run and doctor: a line for each call of an agent would drown all others.
            warnings.simplefilter("ignore", NetworkFileSystemWarning)
            yield
    finally:
        logger.handlers, logger.propagate = before


class _Lines(logging.Handler):
    """One line a record, without tracebacks; with ``as_json`` one object."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message and, if one was being handled, the error."""
        error = record.exc_info[1] if record.exc_info else None
        words = record.getMessage() + (f": {error}" if error else "")
        show_warning(words, as_json=self._as_json)
