"""Pages of sorted lines in one file: read on demand, kept while nobody else wrote, checked by sum.

A cache of what can be made again, so it never syncs and never mends: whatever is missing, torn or
half written is told by ``load`` or by ``DamagedPagesError``, and the owner makes it anew.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from swarm.own_places import check_directory, is_own, open_own

PAGE_BYTES: Final = 4096
_SUM_BYTES = 9  # eight hexadecimal digits and a space or newline
BODY_BYTES_MAX: Final = PAGE_BYTES - _SUM_BYTES - 1
_CACHED_PAGES_MAX = 512
_VERSION = 1


class DamagedPagesError(Exception):
    """The file does not hold what its header says; make it anew."""


class PageFile:
    """A header of facts, and numbered pages, each a sorted list of lines without newlines.

    Used under the board's lock: ``load``, then any reads and changes, then ``save``, then
    ``close``. ``save`` empties the header while it writes pages, so that a writer killed half-way
    leaves a file that ``load`` refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = {}
        self._facts_saved: dict[str, Any] = {}
        self._header: dict[str, Any] = {}
        self._header_page = b""
        self._cache: dict[int, list[bytes]] = {}
        self._changed: set[int] = set()
        self._descriptor: int | None = None
        self._in_memory = False

    def load(self) -> bool:
        """Open the file and read its header; whether it is whole. Never raises for damage."""
        try:
            check_directory(self.path.parent)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            page = os.pread(self._descriptor, PAGE_BYTES, 0)
            if page and page == self._header_page:
                return True  # nobody else wrote: all that is kept is as it was
            header = json.loads(_checked(page))
        except (OSError, ValueError, DamagedPagesError):
            self.forget()
            return False
        if header.get("version") != _VERSION:
            self.forget()
            return False
        self._cache.clear()
        self._header = header
        self._header_page = page
        self.facts = header.pop("facts")
        self._facts_saved = dict(self.facts)
        return True

    def close(self) -> None:
        """Close the file; what was not saved is forgotten."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError:  # who knows whether all that was written has got there
                self.remove()
        if self._changed or self._in_memory or len(self._cache) > _CACHED_PAGES_MAX:
            self.forget()

    def forget(self) -> None:
        """Drop everything that is kept in memory, and the open file."""
        self._header, self.facts, self._in_memory = {}, {}, False
        self._header_page = b""
        self._cache.clear()
        self._changed.clear()
        self.close()

    def remove(self) -> None:
        """Best effort to take the file away, after something went wrong with it."""
        self.forget()
        try:
            check_directory(self.path.parent)
            os.unlink(self.path)
        except OSError:
            pass  # then its header is unclean or behind, and load or the owner's own check tells

    def lines(self, page: int) -> list[bytes]:
        """The lines of a page; after changing the list in place, say so with ``changed``."""
        lines = self._cache.get(page)
        if lines is None:
            if self._descriptor is None:
                raise DamagedPagesError(f"page {page} is not at hand")
            try:
                body = _checked(os.pread(self._descriptor, PAGE_BYTES, page * PAGE_BYTES))
            except OSError as error:
                raise DamagedPagesError(f"page {page} cannot be read: {error}") from error
            lines = self._cache[page] = body.split(b"\n") if body else []
        return lines

    def changed(self, page: int) -> None:
        """The lines of this page have been changed."""
        self._changed.add(page)

    def new_page(self, lines: list[bytes]) -> int:
        """The number of a new page with these lines; a freed one is used again first."""
        page: int = self._header["free"]
        if page:
            self._header["free"] = int(self.lines(page)[0])
        else:
            page = self._header["pages"]
            self._header["pages"] = page + 1
        self._cache[page] = lines
        self.changed(page)
        return page

    def free(self, page: int) -> None:
        """Nothing refers to this page any more."""
        self._cache[page] = [b"%d" % self._header["free"]]
        self.changed(page)
        self._header["free"] = page

    @property
    def roots(self) -> dict[str, list[int]]:
        """For each tree in this file its root page and its height."""
        roots: dict[str, list[int]] = self._header["roots"]
        return roots

    def save(self) -> None:
        """Write facts and changed pages. An OSError leaves a file that ``load`` refuses."""
        if self._in_memory or not (self._changed or self.facts != self._facts_saved):
            return
        assert self._descriptor is not None
        if not is_own(os.fstat(self._descriptor)):
            raise OSError(f"{self.path} is somebody else's file too")
        self._header["changes"] += 1
        if self._changed:
            self._write(0, _EMPTY_HEADER)
            for page in sorted(self._changed):
                self._write(page, _page(b"\n".join(self._cache[page])))
            self._changed.clear()
        self._write_header()
        self._facts_saved = dict(self.facts)

    def create(
        self, pages: Sequence[list[bytes]], roots: dict[str, list[int]], facts: dict[str, Any]
    ) -> None:
        """Start anew with these pages, numbered from 1; in memory only if need be."""
        self.forget()
        self.facts = facts
        self._header = {
            "version": _VERSION,
            "born": os.urandom(8).hex(),
            "changes": 0,
            "pages": len(pages) + 1,
            "free": 0,
            "roots": roots,
        }
        self._cache = dict(enumerate(pages, start=1))
        try:
            self._write_new(pages)
        except OSError:
            self._in_memory = True

    def _write_new(self, pages: Sequence[list[bytes]]) -> None:
        """The whole file under another name, then under its own; where that fails, under none."""
        check_directory(self.path.parent)
        new = self.path.with_suffix(".new")
        try:
            self._fill(new, pages)
            os.rename(new, self.path)
        except BaseException:
            with suppress(OSError):  # a full disk needs the room
                os.unlink(new)
            raise

    def _fill(self, new: Path, pages: Sequence[list[bytes]]) -> None:
        self._descriptor = open_own(new, os.O_RDWR)
        os.ftruncate(self._descriptor, 0)
        data = memoryview(b"".join(_page(b"\n".join(lines)) for lines in pages))
        self._write_header()
        offset = PAGE_BYTES
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written

    def _write_header(self) -> None:
        page = _page(json.dumps({**self._header, "facts": self.facts}).encode())
        self._write(0, page)
        self._header_page = page

    def _write(self, number: int, page: bytes) -> None:
        assert self._descriptor is not None
        written = os.pwrite(self._descriptor, page, number * PAGE_BYTES)
        if written != PAGE_BYTES:
            raise OSError(f"wrote {written} of the {PAGE_BYTES} bytes of page {number}")


def _page(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise DamagedPagesError(f"a page would need {len(body)} bytes")
    return (b"%08x\n" % zlib.crc32(body) + body + b"\n").ljust(PAGE_BYTES)


def _checked(page: bytes) -> bytes:
    body = page[_SUM_BYTES:].rstrip(b" ")[:-1]
    if len(page) != PAGE_BYTES or page[: _SUM_BYTES - 1] != b"%08x" % zlib.crc32(body):
        raise DamagedPagesError("a page does not match its sum")
    return body


_EMPTY_HEADER: Final = _page(b"{}")
