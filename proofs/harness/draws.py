"""Random numbers whose whole state is how many words were drawn: cheap to hand over."""

from __future__ import annotations

import random
from struct import Struct
from typing import Final

WORDS_AT_ONCE: Final = 64
_AS_WORDS: Final = Struct(f"<{WORDS_AT_ONCE}I")


class Draws:
    """The numbers of ``random.Random(seed)``, the same ones, drawn word by word of 32 bits.

    ``position`` counts the words drawn so far, and may be set. What ``Random`` itself would have to
    hand over are 625 numbers.
    """

    def __init__(self, seed: int) -> None:
        self.position = 0
        self._seed = seed
        self._random: random.Random | None = None
        self._words: list[int] = []

    def random(self) -> float:
        """A number from 0 to 1, without 1; takes two words."""
        self.position += 2
        return self.peek(-1)

    def peek(self, ahead: int) -> float:
        """What the next ``random()`` gives after so many others; -1 for the last."""
        first = self.position + 2 * ahead
        words = self._drawn(first + 2)
        return ((words[first] >> 5) * (1 << 26) + (words[first + 1] >> 6)) / (1 << 53)

    def passes_until(self, probability: float) -> int:
        """How many of the next ``random()`` are at least this, before one is less."""
        first, end = self.position, probability * (1 << 53)
        words = self._drawn(first + WORDS_AT_ONCE)
        while True:
            for at in range(first, len(words) - 1, 2):
                if (words[at] >> 5 << 26) + (words[at + 1] >> 6) < end:
                    return (at - self.position) // 2
            first = at + 2
            words = self._drawn(first + WORDS_AT_ONCE)

    def below(self, end: int) -> int:
        """A number from 0 to ``end``, without ``end``, which is at least 1 and below 2 ** 32."""
        while True:
            number = self._drawn(self.position + 1)[self.position] >> (32 - end.bit_length())
            self.position += 1
            if number < end:
                return number

    def _drawn(self, count: int) -> list[int]:
        """At least so many words from the first."""
        words = self._words
        while len(words) < count:
            if self._random is None:
                self._random = random.Random(self._seed)
            many = self._random.getrandbits(32 * WORDS_AT_ONCE)  # the lowest are drawn first
            words += _AS_WORDS.unpack(many.to_bytes(_AS_WORDS.size, "little"))
        return words
