"""A film of a run: how the board's directory and the time stand after each effect."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FILE_BYTES_MAX: Final = 16_384
"""So much of a file is shown; of its changes behind that only that there are some."""

FILES_MAX: Final = 300
"""So many files are shown."""

BEFORE_ALL: Final = -1
"""The number of what was there before the first effect."""

_BINARY_SHOWN: Final = 64


@dataclass(frozen=True, slots=True)
class Seen:
    """After the effect ``number`` it is ``now_ns``; ``files`` holds each file's text by its path,
    and is None where the effect can have changed none.
    """

    number: int
    now_ns: int
    files: dict[str, str] | None


class Camera:
    """Appends what it sees of the directory ``root`` to the file ``film``, which lies elsewhere.

    Each picture is written at once and by one call, so several processes may film one run.
    """

    def __init__(self, root: Path, film: Path) -> None:
        self._root = str(root)
        self._film = str(film)
        self._shown: set[str] = set()

    def take(self, number: int, now_ns: int, *, changes: bool = True) -> None:
        """Write down how it is after the effect ``number``; the files if it ``changes`` any."""
        told: dict[str, Any] = {"number": number, "now_ns": now_ns}
        if changes:
            told["files"], told["texts"] = self._look()
        line = json.dumps(told) + "\n"
        descriptor = os.open(self._film, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def _look(self) -> tuple[dict[str, str], dict[str, str]]:
        """A key for each file, and the texts of those keys that were not told before."""
        files, texts = {}, {}
        for path, place in sorted(_files(self._root))[:FILES_MAX]:
            data = _read(place)
            if data is None:
                continue
            key = files[path] = hashlib.sha256(data).hexdigest()[:24]
            if key not in self._shown:
                self._shown.add(key)
                texts[key] = shown(data)
        return files, texts


@dataclass(slots=True)
class Film:
    """What several cameras wrote into one file, in the order in which it happened."""

    pictures: list[Seen] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> Film:
        """All of it; what a process was writing when it was killed is left out."""
        film, texts = Film(), dict[str, str]()
        for told in _lines(path):
            texts.update(told.get("texts", {}))
            keys = told.get("files")
            files = None if keys is None else {name: texts[key] for name, key in keys.items()}
            film.pictures.append(Seen(told["number"], told["now_ns"], files))
        return film


def shown(data: bytes) -> str:
    """What a person is shown of a file: its text, or of a binary one how it begins; with words
    where something is left out.
    """
    if b"\0" in data:
        head = data[:_BINARY_SHOWN].hex(" ", 4)
        more = " …" if len(data) > _BINARY_SHOWN else ""
        digest = hashlib.sha256(data).hexdigest()[:8]
        return f"(binary, {len(data):,} bytes, sha256 {digest}…)\n{head}{more}"
    text = data[:FILE_BYTES_MAX].decode(errors="backslashreplace")
    left_out = len(data) - FILE_BYTES_MAX
    return text if left_out <= 0 else f"{text}\n(… {left_out:,} more bytes are not shown)"


def _files(directory: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The files below a directory: as seen from the board's, and where they lie."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.path


def _read(path: str) -> bytes | None:
    """What lies there: a file's bytes, where a link leads; None if it is something else."""
    try:
        if os.path.islink(path):
            return f"(a symbolic link to {os.readlink(path)})".encode(errors="backslashreplace")
        if not os.path.isfile(path):
            return b"(neither a file nor a directory)"
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        return f"(cannot be read: {error.strerror})".encode()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
