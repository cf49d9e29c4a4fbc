"""Seeds made from the seed of the night."""

from __future__ import annotations

import hashlib


def seed_of(night: int, *parts: object) -> int:
    """The seed of a part of the night, in 32 bits; another one for each part."""
    text = " ".join(map(str, (night, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
