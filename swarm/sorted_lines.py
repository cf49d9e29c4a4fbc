"""An ordered set of lines in the pages of a ``PageFile``: a B+ tree.

After Bayer and McCreight (1972) and Comer, "The Ubiquitous B-Tree" (1979), with two departures: a
page is given back only when it is empty, as most lines leave from the front; and a tree is never
lower than three levels, so that its first line costs the same to find among a hundred as among a
hundred thousand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from swarm.page_file import BODY_BYTES_MAX, DamagedPagesError, PageFile

HEIGHT_MIN: Final = 3
_FILLED_BYTES = BODY_BYTES_MAX * 3 // 4  # leaves room for the lines that come later
_LINK = b"\0"  # in an inner page: where a child's lines begin, this, the child's page number
_AFTER_LINK = _LINK + b"\xff"  # sorts behind every page number


class SortedLines:
    """The tree of one name. Lines hold no NUL and no newline and are at most 900 bytes long."""

    def __init__(self, pages: PageFile, name: str) -> None:
        self._pages = pages
        self._name = name

    def first(self, prefix: bytes = b"") -> bytes | None:
        """The first line that begins with ``prefix``, None if none does."""
        lines = self._pages.lines(self._leaf(prefix)[1])
        at = bisect_left(lines, prefix)
        if at < len(lines):
            return lines[at] if lines[at].startswith(prefix) else None
        return next(self.starting_with(prefix), None)  # it begins the next page, if there is one

    def following(self, line: bytes) -> bytes | None:
        """The first line after this one, which need not be there itself."""
        page, height = self._root
        lines = self._from(page, height, line)
        return next((other for other in lines if other > line), None)

    def starting_with(self, prefix: bytes = b"") -> Iterator[bytes]:
        """All lines that begin with ``prefix``, in order. Not to be changed meanwhile."""
        page, height = self._root
        for line in self._from(page, height, prefix):
            if not line.startswith(prefix):
                return
            yield line

    def add(self, line: bytes) -> None:
        """Put a line in; one that is there already stays once."""
        path, page = self._leaf(line)
        lines = self._pages.lines(page)
        at = bisect_left(lines, line)
        if lines[at : at + 1] == [line]:
            return
        link = self._insert(page, at, line)
        while link is not None and path:
            page, at = path.pop()
            link = self._insert(page, at + 1, link)
        if link is not None:
            root, height = self._root
            above = self._pages.new_page([_LINK + b"%d" % root, link])
            self._pages.roots[self._name] = [above, height + 1]

    def discard(self, line: bytes) -> None:
        """Take a line out. Raises ``DamagedPagesError`` if it is not there."""
        path, page = self._leaf(line)
        lines = self._pages.lines(page)
        at = bisect_left(lines, line)
        if lines[at : at + 1] != [line]:
            raise DamagedPagesError(f"{self._name} lacks the line {line!r}")
        while self._remove(page, at):
            self._pages.free(page)
            if not path:
                self._pages.roots[self._name] = [_empty_chain(self._pages), HEIGHT_MIN]
                return
            page, at = path.pop()

    @property
    def _root(self) -> tuple[int, int]:
        page, height = self._pages.roots[self._name]
        return page, height

    def _from(self, page: int, height: int, line: bytes) -> Iterator[bytes]:
        """All lines under a page, from the first that is not before ``line``."""
        lines = self._pages.lines(page)
        if height == 1:
            yield from lines[bisect_left(lines, line) :]
            return
        for link in lines[_child_index(lines, line) :]:
            yield from self._from(_child(link), height - 1, line)

    def _leaf(self, line: bytes) -> tuple[list[tuple[int, int]], int]:
        """The page where a line belongs, and on the way there which child of which page."""
        pages = self._pages
        page, height = self._root
        path = []
        for _ in range(height - 1):
            links = pages.lines(page)
            at = _child_index(links, line)
            path.append((page, at))
            page = _child(links[at])
        return path, page

    def _insert(self, page: int, at: int, line: bytes) -> bytes | None:
        """Insert into a page; the link to its new right sibling, if it had to be split."""
        lines = self._pages.lines(page)
        lines.insert(at, line)
        self._pages.changed(page)
        if _bytes_of(lines) <= BODY_BYTES_MAX:
            return None
        # Lines that come in order fill their pages if a split at the end moves the new line only.
        cut = at if at == len(lines) - 1 else _middle(lines)
        right = lines[cut:]
        del lines[cut:]
        key = _key(right[0]) if _LINK in line else _separator(lines[-1], right[0])
        return key + _LINK + b"%d" % self._pages.new_page(right)

    def _remove(self, page: int, at: int) -> bool:
        """Remove from a page; whether it is empty now."""
        lines = self._pages.lines(page)
        del lines[at]
        self._pages.changed(page)
        return not lines


def plan_pages(
    trees: Mapping[str, Sequence[bytes]],
) -> tuple[list[list[bytes]], dict[str, list[int]]]:
    """The pages, numbered from 1, and the roots of trees with these sorted lines."""
    pages: list[list[bytes]] = []
    roots = {}
    for name, lines in trees.items():
        level, height = _lay_out(lines, pages), 1
        while len(level) > 1 or height < HEIGHT_MIN:
            level, height = _lay_out(level, pages), height + 1
        roots[name] = [_child(level[0]), height]
    return pages, roots


def _lay_out(lines: Sequence[bytes], pages: list[list[bytes]]) -> list[bytes]:
    """Append pages that hold these lines; the links to them."""
    filled: list[bytes] = []
    pages.append(filled)
    links = [_LINK + b"%d" % len(pages)]
    size = 0
    for line in lines:
        if filled and size + len(line) + 1 > _FILLED_BYTES:
            key = _key(line) if _LINK in line else _separator(filled[-1], line)
            filled, size = [], 0
            pages.append(filled)
            links.append(key + _LINK + b"%d" % len(pages))
        filled.append(line)
        size += len(line) + 1
    return links


def _empty_chain(pages: PageFile) -> int:
    page = pages.new_page([])
    for _ in range(HEIGHT_MIN - 1):
        page = pages.new_page([_LINK + b"%d" % page])
    return page


def _child_index(links: Sequence[bytes], line: bytes) -> int:
    """Which child the line belongs under: the last that does not begin after it, or the first."""
    at = bisect_left(links, line + _AFTER_LINK)
    return at - 1 if at else 0


def _child(link: bytes) -> int:
    return int(link[link.rindex(_LINK) + 1 :])


def _key(link: bytes) -> bytes:
    return link[: link.rindex(_LINK)]


def _separator(before: bytes, after: bytes) -> bytes:
    """The shortest key that parts two neighbours, so that a prefix of the later one leads to it.

    As in Bayer and Unterauer, "Prefix B-Trees" (1977).
    """
    same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    return after[: (len(before) if same is None else same) + 1]


def _middle(lines: Sequence[bytes]) -> int:
    """Where to split so that both parts have about as many bytes, and at least one line."""
    half = _bytes_of(lines) / 2
    before = accumulate(len(line) + 1 for line in lines)
    return min(1 + next(n for n, size in enumerate(before) if size >= half), len(lines) - 1)


def _bytes_of(lines: Sequence[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)
