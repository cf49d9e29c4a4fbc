"""What went wrong: which exit status it has, and the one line that says so."""

from __future__ import annotations

import json
from typing import Any

from swarm.command.exit_status import ExitStatus
from swarm.command.words import one_line
from swarm.errors import (
    CorruptTaskError,
    DuplicateTaskError,
    InvalidTaskError,
    LockTimeoutError,
    StorageMissingError,
    SwarmError,
    TokensUsedUpError,
    UnsafeStorageError,
    UnsupportedPlatformError,
)

_STATUSES: tuple[tuple[type[BaseException], ExitStatus], ...] = (
    (LockTimeoutError, ExitStatus.LOCKED),
    (CorruptTaskError, ExitStatus.DAMAGED),
    (TokensUsedUpError, ExitStatus.DAMAGED),
    (UnsafeStorageError, ExitStatus.DAMAGED),
    (DuplicateTaskError, ExitStatus.REFUSED),
    (InvalidTaskError, ExitStatus.USAGE),
    (StorageMissingError, ExitStatus.USAGE),
    (UnsupportedPlatformError, ExitStatus.USAGE),
    (SwarmError, ExitStatus.REFUSED),
    (OSError, ExitStatus.DAMAGED),
    (KeyboardInterrupt, ExitStatus.INTERRUPTED),
)


class CommandError(Exception):
    """A command was not done: the status to exit with, why in words, and facts for ``--json``."""

    def __init__(self, status: ExitStatus, words: str, **facts: Any) -> None:
        super().__init__(words)
        self.status = status
        self.facts = facts


def status_of(error: BaseException) -> ExitStatus:
    """The exit status that tells of this error."""
    if isinstance(error, CommandError):
        return error.status
    return next((s for kind, s in _STATUSES if isinstance(error, kind)), ExitStatus.BUG)


def told(error: BaseException, *, as_json: bool) -> str:
    """One line about an error, plain or as JSON."""
    status = status_of(error)
    words = one_line(_words(error, status))
    if not as_json:
        return f"swarm: {words}"
    facts = error.facts if isinstance(error, CommandError) else {}
    return json.dumps({"error": words, "exit_status": int(status), **facts})


def _words(error: BaseException, status: ExitStatus) -> str:
    if status is ExitStatus.INTERRUPTED:
        return "interrupted"
    if status is ExitStatus.BUG:
        return f"this is a bug of swarm, nothing is known of the outcome: {error!r}"
    if isinstance(error, OSError) and not isinstance(error, SwarmError):
        return f"the disk fails: {error}. Look with swarm show whether anything was changed"
    if isinstance(error, DuplicateTaskError):
        return f"{error.task_id!r} is on the board already: see swarm show {error.task_id}"
    if isinstance(error, LockTimeoutError):
        return f"{error.path} was held by others for {error.timeout_seconds:g} s: nothing was done"
    return str(error)
