"""Chance comes from the scenario: random bytes, and the ids that are made of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

from proofs.harness.agents import acting
from proofs.harness.doors.replacing import Replacement

_real_urandom = os.urandom
_real_uuid1, _real_uuid4 = uuid.uuid1, uuid.uuid4


def replacements() -> Iterator[Replacement]:
    """What takes the place of ``os.urandom`` and of the makers of random ids."""
    yield Replacement(os, "urandom", _urandom)
    yield Replacement(uuid, "uuid4", _uuid4)
    yield Replacement(uuid, "uuid1", _uuid1)


def _urandom(size: int) -> bytes:
    agent = acting.agent
    return _real_urandom(size) if agent is None else agent.chance(size)


def _uuid4() -> uuid.UUID:
    agent = acting.agent
    return _real_uuid4() if agent is None else uuid.UUID(bytes=agent.chance(16), version=4)


def _uuid1(*args: Any) -> uuid.UUID:
    agent = acting.agent
    return _real_uuid1(*args) if agent is None else uuid.UUID(bytes=agent.chance(16), version=1)
