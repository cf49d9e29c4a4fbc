"""Where the command begins and ends: nothing that goes wrong passes as "nothing to claim"."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import takewhile

from swarm.command.exit_status import ExitStatus

_NO_CLICK = (
    "swarm: the command needs the package click, and this Python has none: pip install click"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    _occupy_standard_descriptors()
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        print(_NO_CLICK, file=sys.stderr)  # noqa: T201
        return ExitStatus.USAGE
    from swarm.command.calling import call

    as_json = "--json" in takewhile(lambda argument: argument != "--", asked)
    status = call(asked, as_json=as_json)
    return _flushed(status)


def _occupy_standard_descriptors() -> None:
    """Where one was closed, the next file that is opened would take its place and its output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free: this one


def _flushed(status: int) -> int:
    """What is left in the buffers goes nowhere if it cannot be written, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return int(status)
