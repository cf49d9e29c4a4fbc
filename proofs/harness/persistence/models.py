"""Which changes of names, and how much of each file's data, may survive a power loss.

K, kill: everything stays. E, ext4 with ordered data: changes of names survive up to some moment;
a sync of anything brings all names before it to the disk; a rename over a name brings the data of
the file along, one to a new name does not. W, weak: any of the changes of names that were not
synced, in any selection; data that was not synced torn or zero. S, split: as W, and a rename is two
changes. The order of data and names is that of Pillai and others ("All File Systems Are Not
Created Equal", OSDI 2014), without what they tell of single blocks: in E the data of a file is one
of the versions since the last that is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from proofs.harness.persistence.changes import Change, ChangeLog, Entry, Named, Synced, Written

Model = Literal["K", "E", "W", "S"]
MODELS: Final[tuple[Model, ...]] = ("K", "E", "W", "S")

Names = dict[tuple[int, str], int]


class Survivors(NamedTuple):
    """One choice of surviving names, and of each file what its data may be."""

    names: Names
    data: dict[int, list[bytes]]


class Choices(NamedTuple):
    """``size`` choices, each made by its number: the first is the least, the last is all."""

    size: int
    choice: Callable[[int], Survivors]


def choices(log: ChangeLog, at: int, model: Model) -> Choices:
    """What may be there after a power loss right after the first ``at`` changes."""
    done = log.changes[:at]
    if model == "K":
        return Choices(1, lambda _: _killed(log, done))
    if model == "E":
        return _ordered(log, done)
    return _weak(log, _split(done) if model == "S" else done)


def _killed(log: ChangeLog, done: Sequence[Change]) -> Survivors:
    named = [change for change in done if isinstance(change, Named)]
    return Survivors(_named(log, named), {f: [v[-1]] for f, v in _versions(log, done).items()})


def _ordered(log: ChangeLog, done: Sequence[Change]) -> Choices:
    named = [(at, change) for at, change in enumerate(done) if isinstance(change, Named)]
    synced = max((at for at, change in enumerate(done) if isinstance(change, Synced)), default=-1)
    least = sum(at < synced for at, _ in named)

    def choice(number: int) -> Survivors:
        there = named[: least + number]
        safe = _synced_at(done)
        for at, change in there:
            if change.replaces:
                flushed = [entry.target for entry in change.entries if entry.target is not None]
                safe |= {target: max(at, safe.get(target, -1)) for target in flushed}
        data = {
            file: versions[_safe(log, done, file, safe) :]
            for file, versions in _versions(log, done).items()
        }
        return Survivors(_named(log, [change for _, change in there]), data)

    return Choices(len(named) - least + 1, choice)


def _weak(log: ChangeLog, done: Sequence[Change]) -> Choices:
    synced = _synced_at(done)
    named = [(at, change) for at, change in enumerate(done) if isinstance(change, Named)]
    loose = [
        at
        for at, change in named
        if all(synced.get(entry.directory, -1) < at for entry in change.entries)
    ]
    data = {
        file: list(_torn(versions[_safe(log, done, file, synced) :]))
        for file, versions in _versions(log, done).items()
    }

    def choice(number: int) -> Survivors:
        lost = {at for bit, at in enumerate(loose) if not number >> bit & 1}
        return Survivors(_named(log, [c for at, c in named if at not in lost]), data)

    return Choices(1 << len(loose), choice)


def _split(done: Sequence[Change]) -> list[Change]:
    split: list[Change] = []
    for change in done:
        if isinstance(change, Named):
            split += [Named((entry,), change.replaces) for entry in change.entries]
        else:
            split.append(change)
    return split


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


def _versions(log: ChangeLog, done: Sequence[Change]) -> dict[int, list[bytes]]:
    """What each file held, from before the log on; a new one held nothing at first."""
    versions = {file: [data] for file, data in log.contents.items()}
    for change in done:
        if isinstance(change, Written):
            versions.setdefault(change.file, [b""]).append(change.data)
    return versions


def _synced_at(done: Sequence[Change]) -> dict[int, int]:
    """When each file and directory was last synced."""
    return {change.target: at for at, change in enumerate(done) if isinstance(change, Synced)}


def _safe(log: ChangeLog, done: Sequence[Change], file: int, safe: dict[int, int]) -> int:
    """Which of a file's versions is the first that may be there."""
    before = done[: safe.get(file, -1) + 1]
    return sum(isinstance(change, Written) and change.file == file for change in before)


def _torn(versions: Sequence[bytes]) -> Iterator[bytes]:
    """The data that is safe, and each later version: whole, cut, over the old one, and zero."""
    yield versions[0]
    for old, new in pairwise(versions):
        half = len(new) // 2
        yield from (bytes(len(new)), new[:half], new[:half] + old[half:], new)
