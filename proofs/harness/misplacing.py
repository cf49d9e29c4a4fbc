"""Puts something else under the name of a task's file, or the file under another name."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, suppress
from pathlib import Path
from typing import Final

from strategies.misplacements import MISPLACEMENTS, NO_DAMAGE


def misplace(kind: str, path: Path, outside: Path, older: bytes | None = None) -> None:
    """Do one of ``MISPLACEMENTS`` to the file ``path``; ``outside`` is a directory to be made.

    ``older`` are the bytes that it had before, for the kind that puts them back.
    """
    _MISPLACE[kind](path, outside, older)


def regular_files(root: Path) -> Iterator[Path]:
    """The regular files below, by name."""
    for path in sorted(root.rglob("*")):
        if stat.S_ISREG(path.lstat().st_mode):
            yield path


def _directory(path: Path, outside: Path, older: bytes | None) -> None:
    data = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(data)


def _fifo(path: Path, outside: Path, older: bytes | None) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(path: Path, outside: Path, older: bytes | None) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener, chdir(path.parent):  # its name must be short
        listener.bind(path.name)


def _link(target: str) -> Callable[[Path, Path, bytes | None], None]:
    def make(path: Path, outside: Path, older: bytes | None) -> None:
        path.unlink()
        path.symlink_to(target.format(path.name))

    return make


def _link_to_another(path: Path, outside: Path, older: bytes | None) -> None:
    others = (other for other in regular_files(path.parent) if other != path)
    tasks = (other for other in others if other.suffix == ".json" and other.parent == path.parent)
    path.unlink()
    path.symlink_to(next(tasks, path.parent / ".board.lock").name)


def _link_out(path: Path, outside: Path, older: bytes | None) -> None:
    outside.mkdir(exist_ok=True)
    shutil.move(path, outside / path.name)
    path.symlink_to(outside / path.name)


def _second_name(path: Path, outside: Path, older: bytes | None) -> None:
    outside.mkdir(exist_ok=True)
    os.link(path, outside / path.name)


def _no_permission(path: Path, outside: Path, older: bytes | None) -> None:
    path.chmod(0)


def _older(path: Path, outside: Path, older: bytes | None) -> None:
    if older is not None:
        path.write_bytes(older)


def _renamed(change: Callable[[str], str]) -> Callable[[Path, Path, bytes | None], None]:
    def rename(path: Path, outside: Path, older: bytes | None) -> None:
        with suppress(FileExistsError):  # where names differ by no more than that they are one
            path.rename(path.with_name(change(path.stem) + path.suffix))

    return rename


def _other_form(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFD", name) if name == composed else composed


_MISPLACE: Final[Mapping[str, Callable[[Path, Path, bytes | None], None]]] = {
    "a directory": _directory,
    "a FIFO": _fifo,
    "a socket": _socket,
    "a link to nowhere": _link("nowhere.json"),
    "a link to itself": _link("{}"),
    "a link to another task": _link_to_another,
    "a link out of the board": _link_out,
    "a second name out of the board": _second_name,
    "no permission": _no_permission,
    "an older version": _older,
    "a name in another case": _renamed(str.swapcase),
    "a name in another normal form": _renamed(_other_form),
}
ENDS_IT: Final = frozenset(MISPLACEMENTS) - {"no permission", *NO_DAMAGE}
"""The kinds after which there is no such task any more."""
