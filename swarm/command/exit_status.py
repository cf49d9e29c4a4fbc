"""What the command tells the shell."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The one number that a script looks at; docs/board-command.md tells what each means."""

    DONE = 0
    NOTHING = 1  # there is no task to claim
    USAGE = 2  # asked for in a way that could never be done
    REFUSED = 3  # the task is another's, superseded, or in a state that forbids it
    LOCKED = 4  # others held the lock all the time
    DAMAGED = 5  # bytes that are no task, or a disk that fails
    BUG = 70  # ours to mend: EX_SOFTWARE of sysexits.h; Python's own 1 would say "nothing"
    INTERRUPTED = 130  # 128 + SIGINT, as a shell says it
    OUTPUT_LOST = 141  # 128 + SIGPIPE: nobody could be told the answer
