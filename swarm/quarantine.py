"""Where damaged files go: bytes and reason, for a person to repair and put back."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swarm.file_times import stamp_of
from swarm.moving import move_to_slot, new_slot
from swarm.own_places import check_directory, read_own
from swarm.strict_json import StrictJSONError, parse
from swarm.task_file import SUFFIX, TaskFile, TaskWriter, read_task_file

_REASON: Final = ".reason.json"  # no task's file begins with a dot
_REASON_BYTES_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A file that was moved out of the board: ``path`` holds its bytes, under its own name."""

    task_id: str
    reason: str
    path: Path
    moved_at: float | None


class Quarantine:
    """The damaged files of one board, each in a numbered directory of its own."""

    def __init__(self, directory: Path, writer: TaskWriter, bytes_max: int) -> None:
        self._directory = directory
        self._writer = writer
        self._bytes_max = bytes_max

    def take(self, path: Path, task_id: str, found: TaskFile, now: float) -> bool:
        """Move the file, if it still is what was found. Used under the board's lock."""
        again = read_task_file(str(path), task_id, self._bytes_max)
        if again is None or again.data != found.data:
            return False
        if stamp_of(again.status) != stamp_of(found.status):
            return False
        reason = str(getattr(found.task, "reason", "")).encode("utf-8", "backslashreplace")
        text = json.dumps({"reason": reason.decode(), "moved_at": now}) + "\n"
        with new_slot(self._directory, self._writer) as slot:
            try:
                self._writer.replace(str(slot / _REASON), text.encode(), durable=True)
                move_to_slot(path, slot, self._writer)
            except OSError:
                self._give_up(slot)
                raise
        return True

    def check(self, file: QuarantinedFile) -> None:
        """Raise ``UnsafeStorageError`` where a directory on the way to it is none by now."""
        check_directory(self._directory)
        check_directory(file.path.parent)

    def empty(self, file: QuarantinedFile) -> None:
        """Drop what lies there, once it has been put back. Used under the board's lock."""
        os.unlink(file.path)
        self._give_up(file.path.parent)
        self._writer.sync(self._directory)

    def _give_up(self, slot: Path) -> None:
        """Remove a slot in which nothing lies but the reason."""
        with suppress(OSError):
            if os.listdir(slot) == [_REASON]:
                os.unlink(slot / _REASON)
            os.rmdir(slot)

    def files(self) -> list[QuarantinedFile]:
        """All that lies there, the oldest first."""
        if not (check_directory(self._directory.parent) and check_directory(self._directory)):
            return []
        slots = sorted(name for name in os.listdir(self._directory) if name.isdecimal())
        found = []
        for slot in filter(self._is_slot, slots):
            for name in sorted(os.listdir(self._directory / slot)):
                if name.endswith(SUFFIX) and not name.startswith("."):
                    found.append(self._file(self._directory / slot / name))
        return found

    def _is_slot(self, name: str) -> bool:
        return stat.S_ISDIR(os.lstat(self._directory / name).st_mode)

    def _file(self, path: Path) -> QuarantinedFile:
        try:
            record = parse(read_own(path.parent / _REASON, _REASON_BYTES_MAX))
            reason, moved_at = str(record["reason"]), float(record["moved_at"])
        except (OSError, StrictJSONError, KeyError, TypeError, ValueError):
            reason, moved_at = "the reason was not kept", None
        return QuarantinedFile(path.name.removesuffix(SUFFIX), reason, path, moved_at)
