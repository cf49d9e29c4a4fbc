"""Tokens are never issued twice, whatever is restored, deleted, quarantined or lost with the power.

``reserved.json`` holds the number up to which tokens may have been issued. It is raised by a
block, and is on the disk, before the first token of the block is used. ``next`` counts within the
block and is written before each token is used, so a kill cannot free one; it is not synced, and
whoever finds it missing, damaged or of an earlier boot skips the rest of the block. So no token
hangs on the index nor on any task's file. What the loss of these two files would cost is told in
docs/board.md.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from swarm.boot import boot_id
from swarm.errors import TokensUsedUpError
from swarm.own_places import check_directory, open_own, read_own
from swarm.strict_json import StrictJSONError, parse
from swarm.task import TOKEN_MAX
from swarm.task_file import TaskWriter

BLOCK: Final = 1000
LEAP_MAX: Final = 2**40
"""A file's token this far above all that were ever reserved was not issued by this board."""

_RECORD_BYTES = 128

_log = logging.getLogger(__name__)


class _Record(NamedTuple):
    """What ``next`` holds: the tokens from ``free`` to ``reserved`` are unused, in this boot."""

    boot: str
    free: int
    reserved: int

    def has_more_than(self, above: int) -> bool:
        """Whether the block has a token larger than this to give."""
        return self.boot == boot_id() and max(above + 1, self.free) <= self.reserved


class TokenStore:
    """The tokens of one board, used under the board's lock.

    In a directory of its own, so that issuing one does not look like a change of the tasks.
    """

    def __init__(self, directory: Path, writer: TaskWriter) -> None:
        self._directory = directory
        self._mark = directory / "reserved.json"
        self._next = directory / "next"
        self._writer = writer

    def prepare(self) -> None:
        """Make the directory, best before there are tasks: later it looks like a change of them."""
        try:
            os.mkdir(self._directory)
        except FileExistsError:
            return
        self._writer.sync(self._directory.parent)

    def take(self, above: int) -> int:
        """A token larger than ``above`` that nobody ever had. Raises OSError, and issues none."""
        descriptor = self._open()
        try:
            record = _record(os.pread(descriptor, _RECORD_BYTES, 0))
            if record is None or not record.has_more_than(above):
                record = self._reserve(max(above, record.reserved if record else 0))
            token = max(record.free, above + 1)
            if token > TOKEN_MAX:
                raise TokensUsedUpError(self._mark)
            self._save(descriptor, record._replace(free=token + 1))
        finally:
            os.close(descriptor)
        return token

    def is_lost(self) -> bool:
        """Whether nothing tells which tokens were issued before."""
        return not self._reserved_on_disk() and self._load() is None

    def reserved(self) -> int:
        """No token above this was ever issued; 0 where nothing tells."""
        record = self._load()
        return max(self._reserved_on_disk(), record.reserved if record else 0)

    def _reserve(self, above: int) -> _Record:
        """A block of tokens above ``above`` and above all that were reserved before."""
        low = max(above, self._reserved_on_disk()) + 1
        high = min(low + BLOCK - 1, TOKEN_MAX)
        text = json.dumps({"reserved": high}) + "\n"
        self._writer.replace(str(self._mark), text.encode(), durable=True)
        return _Record(boot_id(), low, high)

    def _reserved_on_disk(self) -> int:
        check_directory(self._directory)
        try:
            reserved = parse(read_own(self._mark, _RECORD_BYTES))["reserved"]
        except FileNotFoundError:
            return 0
        except (StrictJSONError, KeyError, TypeError) as error:
            _log.warning('%s must hold {"reserved": N}: %s; counting anew', self._mark, error)
            return 0
        return reserved if type(reserved) is int and 0 <= reserved <= TOKEN_MAX else 0

    def _open(self) -> int:
        if not check_directory(self._directory):
            self.prepare()
        return open_own(self._next, os.O_RDWR)

    def _load(self) -> _Record | None:
        check_directory(self._directory)
        try:
            return _record(read_own(self._next, _RECORD_BYTES))
        except OSError:
            return None

    def _save(self, descriptor: int, record: _Record) -> None:
        """In place, and in one call if the system takes it whole: no kill leaves half then."""
        line = f"{record.boot}\t{record.free}\t{record.reserved}\t".encode("ascii")
        data = (line + b"%08x\t" % zlib.crc32(line)).ljust(_RECORD_BYTES - 1) + b"\n"
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], written)


def _record(data: bytes) -> _Record | None:
    """What these bytes say, None if they are no record, as half of one over another is none."""
    fields = data.decode("ascii", "replace").split("\t")
    if len(fields) != 5 or not (fields[1].isdecimal() and fields[2].isdecimal()):
        return None
    line = "\t".join([*fields[:3], ""]).encode("ascii", "replace")
    if fields[3] != f"{zlib.crc32(line):08x}":
        return None
    free, reserved = int(fields[1]), int(fields[2])
    return _Record(fields[0], free, reserved) if reserved <= TOKEN_MAX else None
