"""Random numbers whose whole state is how many words were drawn: cheap to hand over."""

from __future__ import annotations

import random


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
        return ((self._word(first) >> 5) * (1 << 26) + (self._word(first + 1) >> 6)) / (1 << 53)

    def below(self, end: int) -> int:
        """A number from 0 to ``end``, without ``end``, which is at least 1 and below 2 ** 32."""
        while True:
            number = self._word(self.position) >> (32 - end.bit_length())
            self.position += 1
            if number < end:
                return number

    def _word(self, number: int) -> int:
        if self._random is None:
            self._random = random.Random(self._seed)
        while len(self._words) <= number:
            self._words.append(self._random.getrandbits(32))
        return self._words[number]
