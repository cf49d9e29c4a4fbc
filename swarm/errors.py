"""Every exception and warning of the board, picklable, with its fields as attributes."""

from __future__ import annotations

import errno
from pathlib import Path

__all__ = [
    "CorruptTaskError",
    "DuplicateTaskError",
    "InvalidTaskError",
    "LeaseLostError",
    "LockTimeoutError",
    "NetworkFileSystemWarning",
    "NewerFormatError",
    "ReadOnlyBoardError",
    "StorageMissingError",
    "SwarmError",
    "TokensUsedUpError",
    "UnsafeStorageError",
    "UnsupportedPlatformError",
    "readable",
    "shown",
]


class SwarmError(Exception):
    """What all errors of the board have in common.

    A subclass hands its fields to ``Exception.__init__`` unchanged, which is what pickle passes
    back to it, and words its message in ``__str__``.
    """


class InvalidTaskError(SwarmError, ValueError):
    """A caller's value breaks a rule; nothing was written. ``got`` is the value as ``shown``."""

    def __init__(self, name: str, rule: str, got: str) -> None:
        super().__init__(name, rule, got)
        self.name = name
        self.rule = rule
        self.got = got

    def __str__(self) -> str:
        return f"{self.name} must {self.rule}, got {self.got}"


def shown(value: object) -> str:
    """The repr of any value at all, cut to one short line."""
    try:
        text = repr(value)
    except Exception as error:  # a repr may fail in any way, one of too many digits does
        return f"a {type(value).__name__} whose repr raises {type(error).__name__}"
    return text if len(text) <= 120 else text[:117] + "..."


def readable(path: str) -> str:
    """The path in one line that any terminal and any log takes: what cannot be read is escaped."""
    return path if path.isprintable() else repr(path)


class DuplicateTaskError(SwarmError):
    """A task, or a bad file, of this id is on the board already; it was left as it is."""

    def __init__(self, task_id: str, path: Path) -> None:
        super().__init__(task_id, path)
        self.task_id = task_id
        self.path = path

    def __str__(self) -> str:
        return (
            f"task_id must be new to the board, got {self.task_id!r}, which {self.path} holds. "
            f"Post it under another id, or read that one with get({self.task_id!r})."
        )


class CorruptTaskError(SwarmError):
    """The bytes under a task's name are not a task. They are kept where they are."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{readable(self.source)} must hold one task as JSON: {self.reason}. Mend the file in "
            "place, or leave it: the board moves it to .quarantine once nobody has changed it for "
            "a while."
        )


class StillCorruptError(CorruptTaskError):
    """A file in quarantine was to be restored and is no task yet. It stays where it is."""

    def __str__(self) -> str:
        return (
            f"{readable(self.source)} must hold one task as JSON: {self.reason}. Mend it where it "
            "lies, and restore it again."
        )


class NewerFormatError(CorruptTaskError):
    """The file was written by a later version of the board; it is never changed nor moved."""

    def __str__(self) -> str:
        return f"{readable(self.source)}: {self.reason}. Update swarm to work on it."


class LockTimeoutError(SwarmError, TimeoutError):
    """Others held the board's lock for all of ``timeout_seconds``; nothing was done."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__(path, timeout_seconds)
        self.path = path
        self.timeout_seconds = timeout_seconds

    def __str__(self) -> str:
        return (
            f"the lock {self.path} must be free within {self.timeout_seconds:g} s, but others held "
            "it all that time. Try again, or open the board with a longer lock_timeout."
        )


class StorageMissingError(SwarmError, FileNotFoundError):
    """The storage directory was there when the board was opened and is gone now."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"the storage directory {self.path} must exist, and it does not (any more). "
            "Restore it, or open a new TaskBoard, which creates it."
        )


class UnsafeStorageError(SwarmError, OSError):
    """Something else lies where the board has its directories; nothing was followed nor written."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(path, found)
        self.errno = errno.ELOOP
        self.path = path
        self.found = found

    def __str__(self) -> str:
        return (
            f"{self.path} must be a directory or a file of the board's own, got {self.found}. Find "
            "out who put it there; then put back what was there, or remove it."
        )


class ReadOnlyBoardError(SwarmError):
    """A writing operation was asked of a board opened with ``read_only=True``."""

    def __init__(self, operation: str, path: Path) -> None:
        super().__init__(operation, path)
        self.operation = operation
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.operation} must be called on a board that may write, got the read-only board "
            f"{self.path}. Open it without read_only=True."
        )


class TokensUsedUpError(SwarmError):
    """The board's mark says that all numbers were issued; nothing was granted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} must leave tokens to be issued, and it says that none is left. A board "
            "that really used them up is older than mankind: mend the number it holds, above the "
            "largest token in any task's file."
        )


class LeaseLostError(SwarmError):
    """An agent's claim was superseded while it worked; its result was not written."""

    def __init__(self, task_id: str, agent_id: str, token: int) -> None:
        super().__init__(task_id, agent_id, token)
        self.task_id = task_id
        self.agent_id = agent_id
        self.token = token

    def __str__(self) -> str:
        return (
            f"agent {self.agent_id!r} must hold task {self.task_id!r} under token {self.token} to "
            "write its result, and the board no longer grants it that. Nothing was written."
        )


class UnsupportedPlatformError(SwarmError):
    """This machine lacks what the board's promises rest on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the board must run where its promises can be kept: {self.reason}"


class NetworkFileSystemWarning(UserWarning):
    """The board lies on a file system whose locks and caches may not keep its promises."""
