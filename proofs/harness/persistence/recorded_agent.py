"""An agent that writes down what each of its effects did to the directory, with the data."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from proofs.harness.agents import nobody_acting
from proofs.harness.doors.files import real
from proofs.harness.effects import Effect
from proofs.harness.gated_agent import Gate, GatedAgent
from proofs.harness.persistence.changes import (
    ROOT,
    ChangeLog,
    Entry,
    Failed,
    Named,
    Synced,
    Written,
)
from proofs.harness.places import Places
from strategies.faults import ERRORS

T = TypeVar("T")

_WRITES: Final = frozenset({"open", "write", "truncate", "copy_file_range", "sendfile", "splice"})


class DirectoryRecorder:
    """Compares the directory with how it was, after each effect that changes it.

    So no door has to tell what it did, and nothing is missed that one effect does. All files are
    read after each write: for small boards. What is neither file nor directory is only told of,
    and so is a child, whose effects happen where nobody looks.
    """

    def __init__(self, root: Path) -> None:
        self.log = ChangeLog()
        self._root = str(root)
        self._inodes: dict[int, int] = {real("lstat")(root).st_ino: ROOT}
        self._next = ROOT + 1
        self._failed: set[int] = set()  # files whose last sync raised
        self._names: dict[tuple[int, str], int] = {}
        self._paths: dict[int, str] = {}  # of files
        self._look()
        self.log.names = dict(self._names)
        self._contents = {file: self._read(path) for file, path in self._paths.items()}
        self.log.contents = dict(self._contents)

    def done(self, effect: Effect, step: int, inode: int | None) -> None:
        """It was done, or raised, as the effect of this number, on the file of this ``inode``."""
        if effect.kind == "fork":
            self._tell("a child was forked, and its effects are not written down")
        if effect.changes:
            self._note_names(effect, step)
        if effect.kind in _WRITES:
            self._note_data(step, effect.kind == "truncate")
        if effect.kind == "write":
            self._note_same_data(step, self._inodes.get(inode or 0))

    def synced(self, step: int, inode: int | None) -> None:
        """What bears this inode is on the disk."""
        if inode in self._inodes:
            self._failed.discard(self._inodes[inode])
            self.log.add(Synced(self._inodes[inode]), step)

    def failed(self, step: int, inode: int | None) -> None:
        """A sync raised. A directory's names may still be synced; a file's data may not."""
        file = self._inodes.get(inode or 0)
        if file in self._paths:
            self._failed.add(file)
            self.log.add(Failed(file), step)

    def _note_names(self, effect: Effect, step: int) -> None:
        before = self._names
        self._look()
        gone = [Entry(*key, None) for key in before if key not in self._names]
        new = [Entry(*k, target) for k, target in self._names.items() if before.get(k) != target]
        if gone or new:
            over = effect.kind == "replace" and any(entry[:2] in before for entry in new)
            self.log.add(Named((*new, *gone), over), step)

    def _note_data(self, step: int, sized: bool) -> None:
        for file, path in self._paths.items():
            data = self._read(path)
            if data != self._contents.get(file, b""):
                self._contents[file] = data
                self._failed.discard(file)
                self.log.add(Written(file, data, sized), step)

    def _note_same_data(self, step: int, file: int | None) -> None:
        """What is written again after a sync that failed is to be synced anew."""
        if file is not None and file in self._failed:
            self._failed.discard(file)
            self.log.add(Written(file, self._contents.get(file, b"")), step)

    def _look(self) -> None:
        """All names below the directory; what was not there before is new, whatever its inode."""
        there = set(self._names.values()) | {ROOT}
        self._names, self._paths = {}, {}
        todo = [(ROOT, self._root)]
        fresh: dict[int, int] = {}
        while todo:
            directory, path = todo.pop()
            with real("scandir")(path) as entries:
                for entry in sorted(entries, key=lambda entry: str(entry.name)):
                    inode = entry.inode()
                    target = self._inodes.get(inode)
                    if target not in there and inode not in fresh:
                        fresh[inode] = self._inodes[inode] = self._next
                        self._next += 1
                    target = self._names[directory, entry.name] = self._inodes[inode]
                    if entry.is_dir(follow_symlinks=False):
                        self.log.directories.add(target)
                        todo.append((target, entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        self._paths[target] = entry.path
                    else:
                        self._tell(f"{entry.name} is neither a file nor a directory")

    def _read(self, path: str) -> bytes:
        with nobody_acting():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                return os.read(descriptor, real("fstat")(descriptor).st_size)
            finally:
                os.close(descriptor)

    def _tell(self, words: str) -> None:
        if words not in self.log.unseen:
            self.log.unseen.append(words)


class RecordedAgent(GatedAgent):
    """Does what a ``GatedAgent`` does, so its trace is the same, and writes it down."""

    def __init__(
        self,
        recorder: DirectoryRecorder,
        name: str,
        gate: Gate,
        skew_ns: int = 0,
        chance: int = 0,
    ) -> None:
        super().__init__(name, gate, skew_ns, chance)
        self._recorder = recorder
        self.places = _Places(gate.root, gate.scheduling.aliases)

    def perform(self, effect: Effect, act: Callable[[], T], *, may_wait: bool = False) -> T:
        """As any agent."""
        recorded = partial(self._recorded, effect, act, self._inode)
        return super().perform(effect, recorded, may_wait=may_wait)

    def perform_struck(
        self, effect: Effect, act: Callable[[], T], told: str, *, may_wait: bool = False
    ) -> T:
        """As any agent; of a sync that fails at once nothing else is to be seen."""
        when, _, what = told.partition(": ")
        if effect.kind == "fsync" and when == "before" and what in ERRORS:
            return super().perform_struck(
                effect, partial(self._failing, act, self._inode), told, may_wait=may_wait
            )
        return super().perform_struck(effect, act, told, may_wait=may_wait)

    @property
    def _inode(self) -> int | None:
        assert isinstance(self.places, _Places)
        return self.places.inode

    def _recorded(self, effect: Effect, act: Callable[[], T], inode: int | None) -> T:
        step, recorder = len(self.gate.trace), self._recorder
        try:
            result = act()
        except OSError:
            if effect.kind == "fsync":
                recorder.failed(step, inode)
            raise
        else:
            if effect.kind == "fsync":
                recorder.synced(step, inode)
            return result
        finally:
            recorder.done(effect, step, inode)

    def _failing(self, act: Callable[[], T], inode: int | None) -> T:
        self._recorder.failed(len(self.gate.trace), inode)
        return act()


class _Places(Places):
    """Remembers which file the descriptor stands for that a door just asked of."""

    inode: int | None = None

    def name(self, path: object, directory: object = None) -> str | None:
        """As that of any agent."""
        found = super().name(path, directory)
        if found is not None and isinstance(path, int):
            status = real("fstat")(path)
            named = stat.S_ISDIR(status.st_mode) or status.st_nlink
            self.inode = status.st_ino if named else None
        return found
