"""A lease goes by the callers' own clocks, as is usual, and the board does not say so."""

from __future__ import annotations

from typing import Any, ClassVar

from proofs.broken_boards.base import WITHOUT_DAMAGE, LockAndScan


class Board(LockAndScan):
    """Promises no clock."""

    promises: ClassVar[dict[str, Any]] = {"attempts_max": None, "invariants": WITHOUT_DAMAGE}
