"""The database that a night is told: a folder, or a Redis server."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, Final

from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
)

SCHEMES: Final = ("redis://", "rediss://", "unix://")
MEMORY: Final = ""
"""The name of a database that nobody shares and that ends with its process."""


class DatabaseError(ValueError):
    """A database that cannot be used; says why, and what to do."""


def database_of(text: str) -> ExampleDatabase:
    """The database of this name. Raises ``DatabaseError``, also where no server answers."""
    if text == MEMORY:
        return InMemoryExampleDatabase()
    if text.startswith(SCHEMES):
        return _redis(text)
    if "://" in text:
        raise DatabaseError(f"must be a folder, or begin with {' or '.join(SCHEMES)}, got {text!r}")
    folder = Path(text).absolute()
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise DatabaseError(f"--database must be a folder that can be written to, got {text}")
    return DirectoryBasedExampleDatabase(folder)


def is_folder(text: str) -> bool:
    """Whether it is a folder of this machine."""
    return text != MEMORY and "://" not in text


def _redis(url: str) -> ExampleDatabase:
    try:
        redis: Any = importlib.import_module("redis")
        extra: Any = importlib.import_module("hypothesis.extra.redis")
    except ModuleNotFoundError as error:
        words = f"{url} needs the package redis: pip install 'swarm-proofs[redis]'"
        raise DatabaseError(words) from error
    try:
        server = redis.Redis.from_url(url)
        server.ping()
    except (redis.RedisError, ValueError) as error:
        raise DatabaseError(f"{_without_password(url)} does not answer: {error}") from error
    found: ExampleDatabase = extra.RedisExampleDatabase(server, key_prefix=b"swarm-proofs:")
    return found


def _without_password(url: str) -> str:
    """Fit to be printed."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
