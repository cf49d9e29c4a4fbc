"""A real ext4 in an image file, and what it holds if the power fails now."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from proofs.harness.persistence.changes import (
    ROOT,
    Change,
    ChangeLog,
    DirectoryState,
    Named,
    Synced,
    Written,
)

IMAGE_BYTES: Final = 8 << 20
_OPTIONS: Final = "loop,commit=300"  # so that nothing is committed that nobody asked for


@contextmanager
def ext4(folder: Path) -> Iterator[Image]:
    """An empty one; skips the test, with the reason, where there is none to be had."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can mount an image")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            pytest.skip(f"not applicable: there is no {tool}")
    path = folder / "image"
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True, capture_output=True)
    with ExitStack() as stack:
        try:
            root = stack.enter_context(_mounted(path, folder / "mounted"))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"not applicable: no image can be mounted: {error.stderr.decode().strip()}")
        yield Image(path, root / "board", folder)


@contextmanager
def _mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir()
    subprocess.run(["mount", "-o", _OPTIONS, image, at], check=True, capture_output=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True, capture_output=True)
        at.rmdir()


class Image:
    """Does the changes of a log to a directory of a mounted image, by the calls they stand for."""

    def __init__(self, path: Path, root: Path, folder: Path) -> None:
        self.root = root
        self._path = path
        self._folder = folder
        self._names: dict[tuple[int, str], int] = {}
        self._directories: dict[int, Path] = {ROOT: root}

    def begin(self, log: ChangeLog) -> None:
        """All that was there before, on the disk."""
        self.root.mkdir()
        todo = [ROOT]
        while todo:
            above = todo.pop()
            for (directory, name), target in log.names.items():
                if directory == above:
                    self._make(directory, name, target, log)
                    todo += [target] if target in log.directories else []
        for file, data in log.contents.items():
            self._write(file, data)
        os.sync()

    def do(self, change: Change, log: ChangeLog) -> None:
        """One change."""
        if isinstance(change, Named):
            self._name(change, log)
        elif isinstance(change, Written):
            self._write(change.file, change.data, change.sized)
        else:
            assert isinstance(change, Synced), "a real disk does not fail when it is asked to"
            path = self._directories.get(change.target) or self._path_of(change.target)
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    def after_power_loss(self) -> DirectoryState:
        """What a copy of the image holds, as it is now, once its journal was replayed."""
        copy = self._folder / "copy"
        shutil.copyfile(self._path, copy)
        with _mounted(copy, self._folder / "restarted") as root:
            return _state(root / "board")

    def _name(self, change: Named, log: ChangeLog) -> None:
        new = [entry for entry in change.entries if entry.target is not None]
        gone = [entry for entry in change.entries if entry.target is None]
        for entry in gone:
            path = self._directories[entry.directory] / entry.name
            target = self._names.pop((entry.directory, entry.name))
            if not new:
                path.rmdir() if target in log.directories else path.unlink()
            else:
                [made] = new
                path.rename(self._directories[made.directory] / made.name)
                self._names[made.directory, made.name] = target
        for entry in new if not gone else ():
            assert entry.target is not None
            self._make(entry.directory, entry.name, entry.target, log)

    def _make(self, directory: int, name: str, target: int, log: ChangeLog) -> None:
        path = self._directories[directory] / name
        if target in log.directories:
            path.mkdir()
            self._directories[target] = path
        elif target in self._names.values():
            os.link(self._path_of(target), path)
        else:
            path.open("xb").close()
        self._names[directory, name] = target

    def _write(self, file: int, data: bytes, sized: bool = False) -> None:
        descriptor = os.open(self._path_of(file), os.O_WRONLY)
        if not sized:
            os.pwrite(descriptor, data, 0)
        if sized or os.fstat(descriptor).st_size > len(data):  # it brings the size to the disk
            os.ftruncate(descriptor, len(data))
        os.close(descriptor)

    def _path_of(self, file: int) -> Path:
        directory, name = next(key for key, target in self._names.items() if target == file)
        return self._directories[directory] / name


def _state(root: Path) -> DirectoryState:
    directories, files, named = [], {}, dict[int, list[str]]()
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_dir():
            directories.append(name)
        else:
            files[name] = path.read_bytes()
            named.setdefault(path.stat().st_ino, []).append(name)
    links = sorted(tuple(sorted(same)) for same in named.values() if len(same) > 1)
    return DirectoryState(tuple(sorted(directories)), tuple(sorted(files.items())), tuple(links))
