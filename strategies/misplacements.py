"""Misplacements: what may lie under the name of a task's file, or the file under another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["MISPLACEMENTS"]

MISPLACEMENTS: Final[Mapping[str, str]] = {
    "a directory": "a directory with the file in it",
    "a FIFO": "what nobody ever writes into",
    "a socket": "what nobody listens at",
    "a link to nowhere": "a symbolic link",
    "a link to itself": "a symbolic link that leads round",
    "a link to another task": "a symbolic link to the file of another task, or to the lock",
    "a link out of the board": "a symbolic link to the same bytes beside the board",
    "a second name out of the board": "the same file has another name beside the board: no damage",
    "no permission": "nobody may read it but the superuser; no damage to the bytes",
    "an older version": "the bytes that the file had before: no damage",
    "a name in another case": "the file is called T1 where the task is t1",
    "a name in another normal form": "the same letters, their accents spelt otherwise",
}
"""The kinds of damage that are done to a name and not to bytes, and what each puts there.

They shrink to nothing smaller. The last two do nothing where a name has no such other form.
"""
