"""Files that are no tasks are moved aside, with all their bytes, by the next look for work."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

from proofs.broken_boards.base import SkipsDamage
from swarm.errors import CorruptTaskError
from swarm.task import Task


class Board(SkipsDamage):
    """Keeps them in a directory of their own."""

    def first_free(self) -> Task | None:
        """Under the lock, so that nobody reads what is being moved for something else."""
        for name in list(self.corrupt()):
            os.makedirs(f"{self.path}/.damaged", exist_ok=True)
            os.rename(f"{self.path}/{name}", f"{self.path}/.damaged/{uuid.uuid4()}.{name}")
        return super().first_free()

    def corrupt(self) -> Iterator[str]:
        """The files that are no tasks."""
        for name in self.names():
            try:
                self.read(name.removesuffix(".json"))
            except CorruptTaskError:
                yield name
