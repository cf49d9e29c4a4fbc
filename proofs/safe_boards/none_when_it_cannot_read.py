"""A look for work that meets an error before it has changed anything finds nothing."""

from __future__ import annotations

from proofs.broken_boards.base import LockAndScan
from swarm.task import Task


class Board(LockAndScan):
    """Takes what it cannot read for what is not there, and raises what fails later."""

    def first_free(self) -> Task | None:
        try:
            return super().first_free()
        except OSError:
            return None
