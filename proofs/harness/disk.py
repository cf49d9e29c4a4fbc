"""What may lie in a directory after a power loss, from what was done to it. Nothing runs here."""

from __future__ import annotations

import itertools
import math
import os
import random
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.harness.persistence.changes import ROOT, ChangeLog, DirectoryState, directory_state
from proofs.harness.persistence.models import (
    MODELS,
    Choices,
    Loss,
    Losses,
    Model,
    Survivors,
    Version,
    choices,
)

__all__ = ["MODELS", "STATES_MAX", "CrashStates", "Model", "crash_states", "restore", "state_with"]

STATES_MAX: Final = 5_000
"""So many combinations of names and data are tried for one moment; past that a sample."""


@dataclass(frozen=True, slots=True)
class CrashStates:
    """The different states that a model allows at one moment, in an order that is the same each
    time; a sample if not ``exhausted``. ``losses`` tells of each the fewest that lead to it.
    """

    losses: dict[DirectoryState, Losses]
    exhausted: bool

    @property
    def states(self) -> Set[DirectoryState]:
        """Each once."""
        return self.losses.keys()


def crash_states(
    log: ChangeLog,
    at: int,
    model: Model,
    *,
    states_max: int = STATES_MAX,
    seed: int = 0,
    forgotten: str | None = None,
) -> CrashStates:
    """After the first ``at`` changes of the log the power fails, or, in K, all processes die.

    A sample holds the state in which nothing survived that need not, and the one where all did. Of
    the files in the directory ``forgotten`` only the newest data are tried.
    """
    found = choices(log, at, model)
    if forgotten is not None:
        found = _newest_in(forgotten, found)
    exhausted = found.size <= states_max and _combinations(log, found, states_max) <= states_max
    picked = _all(log, found) if exhausted else _some(log, found, states_max, random.Random(seed))
    fewest: dict[DirectoryState, Losses] = {}
    for state, losses in picked:
        if state not in fewest or len(losses) < len(fewest[state]):
            fewest[state] = losses
    return CrashStates(fewest, exhausted)


def state_with(
    log: ChangeLog, at: int, model: Model, losses: Iterable[Loss]
) -> DirectoryState | None:
    """What is left when exactly this is lost; None if the model does not allow that."""
    lost = frozenset(losses)
    found = choices(log, at, model)
    of_data = {loss for loss in lost if loss.what.startswith("data")}
    number = found.number(lost - of_data)
    if number is None:
        return None
    survivors = found.choice(number)
    data: dict[int, bytes] = {}
    for file, versions in _options(log, survivors).items():
        fits = (one for one in reversed(versions) if of_data.issuperset(one.losses))
        version = max(fits, key=lambda one: len(one.losses), default=None)
        if version is None:
            return None
        data[file] = version.data
        of_data -= set(version.losses)
    return None if of_data else directory_state(survivors.names, data, log.directories)


def restore(state: DirectoryState, root: Path) -> None:
    """Make the directory ``root``, which is not there, and put the state into it."""
    root.mkdir(parents=True)
    for path in state.directories:
        (root / path).mkdir()
    first = {path: same[0] for same in state.links for path in same[1:]}
    for path, data in state.files:
        if path not in first:
            (root / path).write_bytes(data)
    for path, other in first.items():
        os.link(root / other, root / path)


def _newest_in(directory: str, found: Choices) -> Choices:
    """The same choices of names; of files that have none but in this directory one version."""

    def choice(number: int) -> Survivors:
        survivors = found.choice(number)
        inside = survivors.names.get((ROOT, directory))
        named = survivors.names.items()
        others = {file for (parent, _), file in named if parent != inside}
        data = survivors.data.items()
        newest = {file: each if file in others else each[-1:] for file, each in data}
        return survivors._replace(data=newest)

    return found._replace(choice=choice)


def _combinations(log: ChangeLog, found: Choices, enough: int) -> int:
    """How many there are, counted until they are too many."""
    total = 0
    for number in range(found.size):
        survivors = found.choice(number)
        total += math.prod(len(options) for options in _options(log, survivors).values())
        if total > enough:
            break
    return total


def _all(log: ChangeLog, found: Choices) -> Iterator[tuple[DirectoryState, Losses]]:
    for number in range(found.size):
        survivors = found.choice(number)
        options = _options(log, survivors)
        for versions in itertools.product(*options.values()):
            yield _state(log, survivors, dict(zip(options, versions, strict=True)))


def _some(
    log: ChangeLog, found: Choices, states_max: int, chance: random.Random
) -> Iterator[tuple[DirectoryState, Losses]]:
    least, most = found.choice(0), found.choice(found.size - 1)
    yield _state(log, least, {f: options[0] for f, options in _options(log, least).items()})
    yield _state(log, most, {f: options[-1] for f, options in _options(log, most).items()})
    for _ in range(states_max - 2):
        survivors = found.choice(chance.randrange(found.size))
        options = _options(log, survivors)
        yield _state(log, survivors, {f: chance.choice(some) for f, some in options.items()})


def _options(log: ChangeLog, survivors: Survivors) -> dict[int, list[Version]]:
    """What the files may hold that bear a name, each once and in the order of their writes."""
    files = sorted(set(survivors.names.values()) - log.directories)
    return {file: _different(survivors.data.get(file, [Version(b"")])) for file in files}


def _different(versions: list[Version]) -> list[Version]:
    """Of those with the same data the one that lost least; the last ones stay the last."""
    found: dict[bytes, Version] = {}
    for version in versions:
        known = found.pop(version.data, version)
        found[version.data] = min(version, known, key=lambda one: len(one.losses))
    return list(found.values())


def _state(
    log: ChangeLog, survivors: Survivors, versions: dict[int, Version]
) -> tuple[DirectoryState, Losses]:
    data = {file: version.data for file, version in versions.items()}
    losses = survivors.losses + tuple(loss for one in versions.values() for loss in one.losses)
    return directory_state(survivors.names, data, log.directories), losses
