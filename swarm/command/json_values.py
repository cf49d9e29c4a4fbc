"""JSON that a caller passes as an option, in a file, or on standard input."""

from __future__ import annotations

import sys
from typing import Any

from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.strict_json import StrictJSONError, parse


def read_json(option: str, text: str | None, file_option: str, path: str | None) -> Any:
    """The value that one of two options gives, None where neither is there; ``-`` is stdin."""
    if text is not None and path is not None:
        raise CommandError(ExitStatus.USAGE, f"pass {option} or {file_option}, not both")
    if path is not None:
        return _parsed(file_option, read_bytes(file_option, path))
    return None if text is None else _parsed(option, text.encode("utf-8", "surrogateescape"))


def read_bytes(option: str, path: str) -> bytes:
    """What the file holds, or standard input for ``-``."""
    try:
        if path != "-":
            with open(path, "rb") as file:
                return file.read()
        if sys.stdin is None:
            raise CommandError(ExitStatus.USAGE, f"{option} -: standard input is closed")
        return sys.stdin.buffer.read()
    except OSError as error:
        raise CommandError(ExitStatus.USAGE, f"{option} must be readable: {error}") from None


def _parsed(option: str, data: bytes) -> Any:
    try:
        return parse(data)
    except StrictJSONError as error:
        raise CommandError(ExitStatus.USAGE, f"{option} must be JSON: {error}") from None
