"""What `python -m proofs` tells the shell."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """The verdict, or why there is none; docs/reference.md tells what each means."""

    HOLDS = 0
    VIOLATED = 1
    USAGE = 2
    UNKNOWN = 3  # the proof could not judge; never counts as a pass
    HARNESS_FAULT = 4  # ours to mend, and never shown as the board's
    SKIP = 125  # what `git bisect run` takes for: this commit tells nothing
    INTERRUPTED = 130  # 128 + SIGINT, as a shell would say it
    OUTPUT_LOST = 141  # 128 + SIGPIPE: nobody could be told
