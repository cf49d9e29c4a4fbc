"""What `python -m proofs` tells the shell."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """The verdict, or why there is none."""

    HOLDS = 0
    VIOLATED = 1
    USAGE = 2
    UNKNOWN = 3  # the proof could not judge; never counts as a pass
    HARNESS_FAULT = 4  # ours to mend, and never shown as the board's
    INTERRUPTED = 130  # 128 + SIGINT, as a shell would say it
