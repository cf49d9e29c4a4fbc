"""Misplacements: what may lie under the name of a task's file, or the file under another name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hypothesis import strategies as st

from strategies.damage import Damage

__all__ = ["DRAWN", "DRAWN_FOR_OURS", "MISPLACEMENTS", "NO_DAMAGE", "misplacements"]

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

NO_DAMAGE: Final = ("a second name out of the board", "an older version")
"""The kinds after which the task is as good as any. Of a scenario there is no older version."""

DRAWN: Final = (
    "a directory",
    "a socket",
    "a link to nowhere",
    "a link to itself",
    "a link to another task",
)
"""The kinds that are drawn for any board: what lies there is no task for anybody.

Those that are not drawn at all: "no permission", which comes out differently for the superuser;
"an older version", which there is none of; "another normal form", which no name of a scenario has.
"""

DRAWN_FOR_OURS: Final = (
    *DRAWN,
    "a FIFO",
    "a link out of the board",
    "a second name out of the board",
    "a name in another case",
)
"""Those for our own board. It opens files so that it waits for no writer; another board may wait
for ever in the kernel, where no gate can stop it. And whether links out of the directory and names
mean anything is a board's own affair.
"""


def misplacements(
    files: Sequence[str], kinds: Collection[str] = DRAWN
) -> st.SearchStrategy[Damage]:
    """One of these kinds, done to one of these files; shrinks to the first of both."""
    return st.builds(Damage, st.sampled_from(list(kinds)), st.sampled_from(list(files)))
