"""Does damage to the files of a board, and tells afterwards whether what it made was kept."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.harness.beside import beside
from proofs.harness.misplacing import ENDS_IT, misplace, regular_files
from strategies.damage import Damage
from strategies.misplacements import MISPLACEMENTS, NO_DAMAGE
from strategies.payloads import ODDITIES, damaged, fits, is_damage

_SUFFIX: Final = ".json"
_KEPT_BYTES_MAX: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Damaged:
    """What was done to the file ``path``, as seen from the board's directory.

    ``tasks`` are those that the file tells of: whatever the board says of them is its own affair.
    There are none where it only looks odd, or nothing came of it: then they are as good as any.
    ``is_damage`` is True where the file was the one of a task in our format and is not any more,
    which must then never be granted. ``left`` are the bytes that lay there then, None where there
    are none to be kept.
    """

    damage: Damage
    path: str
    tasks: frozenset[str]
    is_damage: bool
    left: bytes | None


def do_damage(damage: Damage, root: Path, tasks: Collection[str]) -> Damaged | None:
    """Do it to a file below ``root``, on which these tasks lie; None if it fits none there.

    The file is the one of this path; else the first by name whose path holds the text of
    ``damage.file`` as a word, else the first that holds it in its bytes.
    """
    path = next(_named(damage.file, root), None)
    if path is None:
        return None
    before = (root / path).read_bytes()
    concerned = _concerned(path, before, tasks)
    task_id = Path(path).name.removesuffix(_SUFFIX)
    is_ours = path.endswith(_SUFFIX) and not is_damage(before, task_id)
    if damage.kind in MISPLACEMENTS:
        return _misplaced(damage, root, path, concerned, is_ours=is_ours)
    if not fits(damage, before):
        return None
    after = damaged(damage, before)
    (root / path).write_bytes(after)
    if damage.kind in ODDITIES:
        return Damaged(damage, path, frozenset(), False, None)
    return Damaged(damage, path, concerned, is_ours and is_damage(after, task_id), after)


def _misplaced(
    damage: Damage, root: Path, path: str, concerned: frozenset[str], *, is_ours: bool
) -> Damaged:
    """Some kinds are no damage, and some do nothing to a name that has no other form."""
    before = (root / path).lstat()
    misplace(damage.kind, root / path, beside(root))
    ends_it = damage.kind in ENDS_IT and not is_still_there(root / path, before)
    as_before = damage.kind in NO_DAMAGE or (damage.kind in ENDS_IT and not ends_it)
    return Damaged(damage, path, frozenset() if as_before else concerned, is_ours and ends_it, None)


def is_kept(done: Damaged, root: Path) -> bool:
    """Whether the bytes that the damage left lie somewhere below ``root``, in one regular file."""
    if done.left is None:
        return True
    return any(_holds(path, done.left) for path in regular_files(root))


def is_still_there(path: Path, before: os.stat_result) -> bool:
    """Whether it is the same file; what is none may have been given its number."""
    try:
        now = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(now.st_mode) and os.path.samestat(now, before)


def _named(name: str, root: Path) -> Iterator[str]:
    paths = [str(path.relative_to(root)) for path in regular_files(root)]
    yield from (path for path in paths if path == name)
    yield from (path for path in paths if _tells_of(name, path))
    yield from (path for path in paths if _tells_of(name, _text_of(root / path)))


def _concerned(path: str, data: bytes, tasks: Collection[str]) -> frozenset[str]:
    """Those that its name tells of, else its bytes; all if neither does."""
    by_name = frozenset(task_id for task_id in tasks if _tells_of(task_id, path))
    text = data.decode("utf-8", "replace")
    by_text = frozenset(task_id for task_id in tasks if _tells_of(task_id, text))
    return by_name or by_text or frozenset(tasks)


def _tells_of(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _holds(path: Path, data: bytes) -> bool:
    return path.lstat().st_size == len(data) <= _KEPT_BYTES_MAX and path.read_bytes() == data
