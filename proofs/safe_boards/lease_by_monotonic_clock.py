"""A lease goes by the monotonic clock, which all processes of one machine share.

No skew shows there, and no clock that was set; a restart of the machine would.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from proofs.broken_boards.base import WITHOUT_DAMAGE, LockAndScan


class Board(LockAndScan):
    """Dates claims by the monotonic clock."""

    promises: ClassVar[dict[str, Any]] = {"attempts_max": None, "invariants": WITHOUT_DAMAGE}

    def now(self) -> float:
        return time.monotonic()
