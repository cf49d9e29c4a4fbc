"""Which changes of names, and how much of each file's data, may survive a power loss.

K, kill: everything stays. E, ext4 with ordered data: changes of names survive up to some moment;
a sync of anything brings all names before it to the disk; a rename over a name brings the data of
the file along, one to a new name does not; a size that was given by a call of its own may be there
without the data. W, weak: any of the changes of names that were not synced, in any selection; data
that was not synced torn or zero. S, split: as W, and a rename is two changes. The order of data and
names is that of Pillai and others ("All File Systems Are Not Created Equal", OSDI 2014), without
what they tell of single blocks: in E the data of a file is one of the versions since the last that
is safe. A sync that failed leaves the data as if they had been written (Rebello and others, "Can
Applications Recover from fsync Failures?", ATC 2020): what is not written again is never safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proofs.harness.persistence.changes import (
    Change,
    ChangeLog,
    Entry,
    Failed,
    Named,
    Synced,
    Written,
)
from strategies.crashes import MODELS, Model

__all__ = ["MODELS", "Choices", "Loss", "Model", "Survivors", "Version", "choices"]

Names = dict[tuple[int, str], int]


class Loss(NamedTuple):
    """What is not there of the change of this number; see ``strategies.crashes.Lost``."""

    at: int
    what: str


Losses = tuple[Loss, ...]


class Version(NamedTuple):
    """What a file may hold, and what of the writes to it is lost then."""

    data: bytes
    losses: Losses = ()


class Survivors(NamedTuple):
    """One choice of surviving names, and of each file what its data may be, by age."""

    names: Names
    data: dict[int, list[Version]]
    losses: Losses


class Choices(NamedTuple):
    """``size`` choices, each made by its number: the first is the least, the last is all.

    ``number`` is that of the choice in which these changes of names are lost, if there is one.
    """

    size: int
    choice: Callable[[int], Survivors]
    number: Callable[[frozenset[Loss]], int | None]


def choices(log: ChangeLog, at: int, model: Model) -> Choices:
    """What may be there after a power loss right after the first ``at`` changes."""
    done = log.changes[:at]
    if model == "K":
        return _killed(log, done)
    if model == "E":
        return _ordered(log, done)
    return _weak(log, done, is_split=model == "S")


def _killed(log: ChangeLog, done: Sequence[Change]) -> Choices:
    def choice(_: int) -> Survivors:
        named = [change for change in done if isinstance(change, Named)]
        files = {number: [file.version(-1)] for number, file in _files(log, done).items()}
        return Survivors(_named(log, named), files, ())

    return Choices(1, choice, lambda lost: None if lost else 0)


def _ordered(log: ChangeLog, done: Sequence[Change]) -> Choices:
    named = [(at, change) for at, change in enumerate(done) if isinstance(change, Named)]
    synced = max((at for at, change in enumerate(done) if isinstance(change, Synced)), default=-1)
    least = sum(at < synced for at, _ in named)
    files, safe = _files(log, done), _safe_at(done)

    def choice(number: int) -> Survivors:
        there, lost = named[: least + number], named[least + number :]
        flushed = {**safe}
        for at, change in there:
            for entry in change.entries if change.replaces else ():
                if entry.target in files and not files[entry.target].is_failed(at):
                    flushed[entry.target] = max(at, flushed.get(entry.target, -1))
        data = {one: list(file.whole(flushed.get(one, -1))) for one, file in files.items()}
        losses = tuple(Loss(at, "name") for at, _ in lost)
        return Survivors(_named(log, [change for _, change in there]), data, losses)

    def number(lost: frozenset[Loss]) -> int | None:
        kept = len(named) - len(lost)
        is_last = lost == {Loss(at, "name") for at, _ in named[kept:]}
        return kept - least if is_last and kept >= least else None

    return Choices(len(named) - least + 1, choice, number)


def _weak(log: ChangeLog, done: Sequence[Change], *, is_split: bool) -> Choices:
    synced = _synced_at(done)
    named = list(_changes_of_names(done, is_split))
    loose = [
        loss
        for loss, change in named
        if all(synced.get(entry.directory, -1) < loss.at for entry in change.entries)
    ]
    safe = _safe_at(done)
    data = {f: _weakest(file, safe.get(f, -1)) for f, file in _files(log, done).items()}

    def choice(number: int) -> Survivors:
        lost = {loss for bit, loss in enumerate(loose) if not number >> bit & 1}
        kept = [change for loss, change in named if loss not in lost]
        return Survivors(_named(log, kept), data, tuple(sorted(lost)))

    def number(lost: frozenset[Loss]) -> int | None:
        if not lost.issubset(loose):
            return None
        return sum(1 << bit for bit, loss in enumerate(loose) if loss not in lost)

    return Choices(1 << len(loose), choice, number)


def _weakest(file: _File, safe_at: int) -> list[Version]:
    """The least first, the newest last."""
    first, *others = file.whole(safe_at)
    return [first, *file.torn(safe_at), *others]


def _changes_of_names(done: Sequence[Change], is_split: bool) -> Iterator[tuple[Loss, Named]]:
    """Each with what is told of it once it is lost."""
    for at, change in enumerate(done):
        if not isinstance(change, Named):
            continue
        if not is_split or len(change.entries) == 1:
            yield Loss(at, "name"), change
            continue
        for entry in change.entries:
            yield Loss(at, f"name {entry.name}"), Named((entry,), change.replaces)


def _named(log: ChangeLog, changes: Sequence[Named]) -> Names:
    names = dict(log.names)
    entry: Entry
    for change in changes:
        for entry in change.entries:
            if entry.target is None:
                names.pop((entry.directory, entry.name), None)
            else:
                names[entry.directory, entry.name] = entry.target
    return names


@dataclass(slots=True)
class _File:
    """What a file held: before all, and from each write on, which are changes of these numbers."""

    held: list[bytes]
    writes: list[int] = field(default_factory=list)
    sized: list[bool] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)

    def version(self, number: int, what: str = "") -> Version:
        """What it held after so many writes, or what is left of the last of them."""
        later = self.writes[number:] if number >= 0 else []
        torn = [Loss(self.writes[number - 1], what)] if what else []
        return Version(self.held[number], (*torn, *(Loss(at, "data") for at in later)))

    def is_failed(self, at: int) -> bool:
        """Whether what was written last before this moment was dropped by a sync that failed."""
        failure = max((one for one in self.failures if one < at), default=-1)
        return failure > max((one for one in self.writes if one < at), default=-1)

    def whole(self, safe_at: int) -> Iterator[Version]:
        """The version that is safe, each later one, and older data under a later one's size."""
        for number, versions in self._kept(safe_at).items():
            later = self.version(number).losses
            yield from (one._replace(losses=(*one.losses, *later)) for one in versions)

    def _kept(self, safe_at: int) -> dict[int, list[Version]]:
        """What it may hold if the last write that is not lost is this one, the newest data last."""
        first = sum(at <= safe_at for at in self.writes)
        kept = {first: [Version(self.held[first])]}
        for number in range(first + 1, len(self.held)):
            found = {self.held[number]: Version(self.held[number])}
            size = len(self.held[number]) if self.sized[number - 1] else None
            for before, versions in kept.items() if size is not None else ():
                between = tuple(Loss(at, "data") for at in self.writes[before : number - 1])
                for data, losses in versions:
                    resized = data[:size].ljust(size or 0, b"\0")
                    found.setdefault(resized, Version(resized, (*losses, *between)))
            kept[number] = list(reversed(found.values()))
        return kept

    def torn(self, safe_at: int) -> Iterator[Version]:
        """The same, and each later version zero, cut, and over the old one."""
        safe = sum(at <= safe_at for at in self.writes)
        for number in range(safe + 1, len(self.held)):
            old, new = self.held[number - 1], self.held[number]
            half = len(new) // 2
            yield self.version(number, "data zero")._replace(data=bytes(len(new)))
            yield self.version(number, "data cut")._replace(data=new[:half])
            yield self.version(number, "data mixed")._replace(data=new[:half] + old[half:])


def _files(log: ChangeLog, done: Sequence[Change]) -> dict[int, _File]:
    """All files, from before the log on; a new one held nothing at first."""
    files = {file: _File([data]) for file, data in log.contents.items()}
    for at, change in enumerate(done):
        if isinstance(change, Named):
            for entry in change.entries:
                if entry.target is not None and entry.target not in log.directories:
                    files.setdefault(entry.target, _File([b""]))
        elif isinstance(change, Written):
            file = files.setdefault(change.file, _File([b""]))
            file.held.append(change.data)
            file.writes.append(at)
            file.sized.append(change.sized)
        elif isinstance(change, Failed):
            files.setdefault(change.file, _File([b""])).failures.append(at)
    return files


def _synced_at(done: Sequence[Change]) -> dict[int, int]:
    """When each file and directory was last synced."""
    return {change.target: at for at, change in enumerate(done) if isinstance(change, Synced)}


def _safe_at(done: Sequence[Change]) -> dict[int, int]:
    """When the data of each file was last brought to the disk.

    After a sync that failed another one does so only once the file was written again.
    """
    safe: dict[int, int] = {}
    failed: set[int] = set()
    for at, change in enumerate(done):
        if isinstance(change, Failed):
            failed.add(change.file)
        elif isinstance(change, Written):
            failed.discard(change.file)
        elif isinstance(change, Synced) and change.target not in failed:
            safe[change.target] = at
    return safe
