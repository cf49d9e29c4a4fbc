"""Chance comes from the scenario: random bytes, and the ids, names and numbers made of them.

A generator that was made without a seed before the doors opened is not seen.
"""

from __future__ import annotations

import os
import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from proofs.harness.agents import acting
from proofs.harness.doors.replacing import Replacement

_real_urandom = os.urandom
_real_getrandom = getattr(os, "getrandom", None)  # not everywhere
_real_seed = random.Random.seed
_real_uuid1, _real_uuid4 = uuid.uuid1, uuid.uuid4
_NUMBERS = (
    *("choice", "choices", "expovariate", "gauss", "getrandbits", "randbytes", "randint"),
    *("random", "randrange", "sample", "shuffle", "triangular", "uniform"),
)


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``os.urandom`` and of whatever else is made by chance."""
    yield Replacement(os, "urandom", _urandom)
    if _real_getrandom is not None:
        yield Replacement(os, "getrandom", _getrandom)
    yield Replacement(random.Random, "seed", _seed)
    yield Replacement(random, "_urandom", _urandom)  # SystemRandom's, and so that of secrets
    for name in _NUMBERS:
        yield Replacement(random, name, _number(name, getattr(random, name)))
    names = tempfile._get_candidate_names  # type: ignore[attr-defined]
    yield Replacement(tempfile, "_get_candidate_names", _candidate_names(names))
    yield Replacement(uuid, "uuid4", _uuid4)
    yield Replacement(uuid, "uuid1", _uuid1)


def _urandom(size: int) -> bytes:
    agent = acting.agent
    return _real_urandom(size) if agent is None else agent.chance(size)


def _getrandom(size: int, flags: int = 0) -> bytes:
    agent = acting.agent
    if agent is None:
        assert _real_getrandom is not None
        return bytes(_real_getrandom(size, flags))
    return agent.chance(size)


def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """What a generator asks for when it is made; without a seed it takes one of the scenario's."""
    agent = acting.agent
    _real_seed(self, agent.chance(32) if agent is not None and a is None else a, version)


def _uuid4() -> uuid.UUID:
    agent = acting.agent
    return _real_uuid4() if agent is None else uuid.UUID(bytes=agent.chance(16), version=4)


def _uuid1(*args: Any) -> uuid.UUID:
    agent = acting.agent
    return _real_uuid1(*args) if agent is None else uuid.UUID(bytes=agent.chance(16), version=1)


def _number(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def through_the_door(*args: Any, **kwargs: Any) -> Any:
        agent = acting.agent
        if agent is None:
            return function(*args, **kwargs)
        return getattr(random.Random(agent.chance(16)), name)(*args, **kwargs)

    return through_the_door


def _candidate_names(real: Callable[[], Iterator[str]]) -> Callable[[], Iterator[str]]:
    """The names that tempfile tries one after the other."""

    def through_the_door() -> Iterator[str]:
        agent = acting.agent
        return real() if agent is None else iter(lambda: agent.chance(4).hex(), "")

    return through_the_door
