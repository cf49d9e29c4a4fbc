"""What one agent asked of its board and was told, and what it left open."""

from __future__ import annotations

from dataclasses import dataclass, field

from proofs.harness.history import Operation


@dataclass(slots=True)
class Record:
    """The calls of one agent, in order.

    ``lacking`` are the operations that the board does not have, ``descriptors`` what the agent left
    open.
    """

    operations: list[Operation] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)
    descriptors: list[str] = field(default_factory=list)
