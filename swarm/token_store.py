"""Tokens are never issued twice, whatever is restored, deleted, quarantined or lost with the power.

One file beside the tasks holds the number up to which tokens may have been issued. It is
raised by a block, and is on the disk, before the first token of the block is used; within a block
the index counts. Whoever doubts the index skips the rest of the block. So no token hangs on the
index, nor on any task's file. If this very file is lost, the largest token that is seen in the
index and in the files takes its place; what that would cost is told in docs/board.md.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Final

from swarm.strict_json import StrictJSONError, parse
from swarm.task import TOKEN_MAX
from swarm.task_file import TaskWriter

BLOCK: Final = 1000
LEAP_MAX: Final = 2**40
"""A file's token this far above all that were ever reserved was not issued by this board."""

_log = logging.getLogger(__name__)


class TokenStore:
    """The high-water mark of one board, used under the board's lock."""

    def __init__(self, directory: Path, writer: TaskWriter) -> None:
        # In a directory of its own: replacing it must not look like a change of the tasks.
        self._path = directory / "reserved.json"
        self._writer = writer

    def reserved(self) -> int:
        """No token above this was ever issued; 0 where the file is missing or damaged."""
        try:
            reserved = parse(self._path.read_bytes())["reserved"]
        except FileNotFoundError:
            return 0
        except (StrictJSONError, KeyError, TypeError) as error:
            _log.warning('%s must hold {"reserved": N}: %s; counting anew', self._path, error)
            return 0
        return reserved if type(reserved) is int and 0 <= reserved <= TOKEN_MAX else 0

    def reserve(self, above: int) -> range:
        """A block of tokens above ``above`` and above all that were reserved before."""
        low = max(above, self.reserved()) + 1
        block = range(low, min(low + BLOCK, TOKEN_MAX + 1))
        self._make_directory()
        text = json.dumps({"reserved": block.stop - 1}) + "\n"
        self._writer.replace(str(self._path), text.encode(), durable=True)
        return block

    def _make_directory(self) -> None:
        try:
            os.mkdir(self._path.parent)
        except FileExistsError:
            return
        self._writer.sync(self._path.parent.parent)
