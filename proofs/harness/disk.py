"""What may lie in a directory after a power loss, from what was done to it. Nothing runs here."""

from __future__ import annotations

import itertools
import math
import os
import random
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.harness.persistence.changes import ChangeLog, DirectoryState, directory_state
from proofs.harness.persistence.models import MODELS, Choices, Model, Survivors, choices

__all__ = ["MODELS", "STATES_MAX", "CrashStates", "Model", "crash_states", "restore"]

STATES_MAX: Final = 5_000
"""So many combinations of names and data are tried for one moment; past that a sample."""


@dataclass(frozen=True, slots=True)
class CrashStates:
    """The different states that a model allows at one moment, in an order that is the same each
    time; a sample if not ``exhausted``.
    """

    states: Set[DirectoryState]
    exhausted: bool


def crash_states(
    log: ChangeLog, at: int, model: Model, *, states_max: int = STATES_MAX, seed: int = 0
) -> CrashStates:
    """After the first ``at`` changes of the log the power fails, or, in K, all processes die.

    A sample holds the state in which nothing survived that need not, and the one where all did.
    """
    found = choices(log, at, model)
    exhausted = found.size <= states_max and _combinations(log, found, states_max) <= states_max
    picked = _all(log, found) if exhausted else _some(log, found, states_max, random.Random(seed))
    return CrashStates(dict.fromkeys(picked).keys(), exhausted)


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


def _combinations(log: ChangeLog, found: Choices, enough: int) -> int:
    """How many there are, counted until they are too many."""
    total = 0
    for number in range(found.size):
        survivors = found.choice(number)
        total += math.prod(len(options) for options in _options(log, survivors).values())
        if total > enough:
            break
    return total


def _all(log: ChangeLog, found: Choices) -> Iterator[DirectoryState]:
    for number in range(found.size):
        survivors = found.choice(number)
        options = _options(log, survivors)
        for data in itertools.product(*options.values()):
            yield _state(log, survivors, dict(zip(options, data, strict=True)))


def _some(
    log: ChangeLog, found: Choices, states_max: int, chance: random.Random
) -> Iterator[DirectoryState]:
    least, most = found.choice(0), found.choice(found.size - 1)
    yield _state(log, least, {f: options[0] for f, options in _options(log, least).items()})
    yield _state(log, most, {f: options[-1] for f, options in _options(log, most).items()})
    for _ in range(states_max - 2):
        survivors = found.choice(chance.randrange(found.size))
        options = _options(log, survivors)
        yield _state(log, survivors, {f: chance.choice(some) for f, some in options.items()})


def _options(log: ChangeLog, survivors: Survivors) -> dict[int, list[bytes]]:
    """What the files may hold that bear a name, each once and in the order of their writes."""
    files = sorted(set(survivors.names.values()) - log.directories)
    return {file: list(dict.fromkeys(survivors.data.get(file, [b""]))) for file in files}


def _state(log: ChangeLog, survivors: Survivors, data: dict[int, bytes]) -> DirectoryState:
    return directory_state(survivors.names, data, log.directories)
