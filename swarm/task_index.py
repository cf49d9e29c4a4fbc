"""Finds the next task without reading every file: a cache, made anew whenever in doubt.

Four orders over the files of the board: by id; the ready ones by type, priority, age and id; of
each type its first; and those that must be looked at again, by when.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from swarm.after_fork import forget_in_child
from swarm.boot import boot_id
from swarm.index_lines import (
    DAMAGED,
    DUE,
    READY,
    Entry,
    id_key,
    id_of,
    time_key,
    type_key,
)
from swarm.page_file import DamagedPagesError, PageFile
from swarm.sorted_lines import SortedLines, plan_pages

_TREES: Final = ("files", "ready", "heads", "due")


@dataclass(slots=True)
class IndexFacts:
    """What the index knows of the board as a whole.

    ``directory`` is the stamp of the storage directory after the last change that is in the
    index. ``latest_start`` is the largest ``claimed_at - lease_seconds`` of any claim in it: a
    clock before that sees a claim from too far ahead. ``token_largest`` is of all files seen.
    """

    boot: str
    fine: bool
    directory: str
    listed_at: float
    changed_since_listed: bool = False
    latest_start: float = -math.inf
    token_largest: int = 0

    def to_header(self) -> dict[str, Any]:
        """These facts as JSON, which has no infinity."""
        facts = {name: getattr(self, name) for name in IndexFacts.__slots__}
        return {**facts, "latest_start": repr(self.latest_start)}

    @staticmethod
    def from_header(facts: Mapping[str, Any]) -> IndexFacts:
        """The inverse of ``to_header``."""
        return IndexFacts(**{**facts, "latest_start": float(facts["latest_start"])})


class TaskIndex:
    """The index of one board, in one file. Used under the board's lock, from open to close."""

    def __init__(self, path: Path) -> None:
        self._pages = PageFile(path)
        self._files, self._ready, self._heads, self._due = (
            SortedLines(self._pages, name) for name in _TREES
        )
        self.facts: IndexFacts | None = None
        forget_in_child(self)

    def open(self) -> bool:
        """Whether there is an index that was kept up by everybody since the machine started."""
        self.facts = None
        if self._pages.load() and self._pages.facts["boot"] == boot_id():
            self.facts = IndexFacts.from_header(self._pages.facts)
        else:
            self._pages.forget()
        return self.facts is not None

    def save(self) -> None:
        """Write what has changed. Raises OSError and ``DamagedPagesError``."""
        if self.facts is not None:
            self._pages.facts = self.facts.to_header()
            self._pages.save()

    def close(self) -> None:
        """End the use that ``open`` or ``create`` began."""
        self.facts = None
        self._pages.close()

    def abandon(self) -> None:
        """Something is wrong with it: the next one who needs it makes it anew."""
        self.facts = None
        self._pages.remove()

    def forget(self) -> None:
        """Keep nothing in memory: not what was begun, nor what was read."""
        self.facts = None
        self._pages.forget()

    def forget_after_fork(self) -> None:
        """A child uses nothing of what its parent was just doing."""
        self.forget()

    def exists(self) -> bool:
        """Whether there is a file at all, be it fit for use or not."""
        return self._pages.path.exists()

    def create(self, entries: Iterable[Entry], facts: IndexFacts) -> None:
        """Begin anew with these files."""
        known = list(entries)
        ready = sorted(e.ordered_line() for e in known if e.place == READY)
        heads = {line.split(b"\t", 1)[0]: line for line in reversed(ready)}
        trees = {
            "files": sorted(e.line() for e in known),
            "ready": ready,
            "heads": sorted(map(_head_line, heads.values())),
            "due": sorted(e.ordered_line() for e in known if e.place in (DUE, DAMAGED)),
        }
        self._pages.create(*plan_pages(trees), facts.to_header())
        self.facts = facts

    def entry(self, task_id: str) -> Entry | None:
        """What is known of a file."""
        line = self._files.first(id_key(task_id) + b"\t")
        return None if line is None else Entry.of(line)

    def stamps(self) -> Iterator[tuple[str, str]]:
        """The ids of all files, in order, and the stamp that each had."""
        for line in self._files.starting_with():
            task_id, stamp, _ = line.split(b"\t", 2)
            yield id_of(task_id), stamp.decode("ascii")

    def open_ids(self) -> Iterator[str]:
        """The ids of all files that are not final: ready ones, then claimed and damaged ones."""
        for tree in (self._ready, self._due):
            for line in tree.starting_with():
                yield _id_at_end(line)

    def put(self, entry: Entry) -> bool:
        """This is how the file is now; whether it was known otherwise."""
        known = self.entry(entry.task_id)
        if known == entry:
            return False
        if known is not None:
            self._take_out(known)
        self._files.add(entry.line())
        if entry.place == READY:
            self._add_ready(entry.ordered_line())
        elif entry.place in (DUE, DAMAGED):
            self._due.add(entry.ordered_line())
        return True

    def remove(self, task_id: str) -> None:
        """There is no such file now."""
        known = self.entry(task_id)
        if known is not None:
            self._take_out(known)

    def first_ready(self, capabilities: Collection[str] | None) -> str | None:
        """The id of the first task of these types that is ready; of any type for None."""
        types = None if capabilities is None else {type_key(name) for name in capabilities}
        for line in self._heads.starting_with():
            if types is None or line.rsplit(b"\t", 1)[1] in types:
                return id_of(line.rsplit(b"\t", 2)[1])
        return None

    def due_ids(self, until: float = math.inf) -> list[str]:
        """The ids of all files that are to be looked at again, by ``until`` at the latest."""
        last = time_key(until)
        lines = takewhile(lambda line: line[: len(last)] <= last, self._due.starting_with())
        return [_id_at_end(line) for line in lines]

    def _take_out(self, entry: Entry) -> None:
        self._files.discard(entry.line())
        if entry.place == READY:
            self._discard_ready(entry.ordered_line())
        elif entry.place in (DUE, DAMAGED):
            self._due.discard(entry.ordered_line())

    def _add_ready(self, line: bytes) -> None:
        head = self._ready.first(_type_of(line))
        self._ready.add(line)
        if head is None or line < head:
            self._replace_head(head, line)

    def _discard_ready(self, line: bytes) -> None:
        self._ready.discard(line)
        head = _head_line(line)
        if self._heads.first(head) == head:
            following = self._ready.following(line)
            same_type = following is not None and following.startswith(_type_of(line))
            self._replace_head(line, following if same_type else None)

    def _replace_head(self, old: bytes | None, new: bytes | None) -> None:
        if old is not None:
            self._heads.discard(_head_line(old))
        if new is not None:
            self._heads.add(_head_line(new))


def _head_line(ready_line: bytes) -> bytes:
    """As the line of a ready task, with the type behind the rest."""
    type_part, rest = ready_line.split(b"\t", 1)
    return rest + b"\t" + type_part


def _type_of(ready_line: bytes) -> bytes:
    """What all ready lines of its type begin with."""
    return ready_line[: ready_line.index(b"\t") + 1]


def _id_at_end(line: bytes) -> str:
    return id_of(line.rsplit(b"\t", 1)[1])


__all__ = ["DamagedPagesError", "IndexFacts", "TaskIndex"]
