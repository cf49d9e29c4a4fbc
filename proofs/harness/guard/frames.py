"""Who made a call, told from the frames of its thread."""

from __future__ import annotations

import os
import sys
from types import FrameType

from proofs.harness.doors.replacing import TOOLS

_IMPORTS = ("<frozen importlib", "<frozen zipimport")


def module_of(frame: FrameType) -> str:
    """The name of the module whose code runs there."""
    return str(frame.f_globals.get("__name__", ""))


def is_harness(frame: FrameType) -> bool:
    """Whether a door, or else the harness, made the call."""
    return module_of(frame).startswith("proofs.harness.")


def is_import(frame: FrameType) -> bool:
    """Whether Python's own import made the call: it reads modules, and no board."""
    return frame.f_code.co_filename.startswith(_IMPORTS)


def is_no_board(frame: FrameType) -> bool:
    """Whether the call was made by what is no board's: a door, an import, or a tool of the proofs.

    Hypothesis, for one, reads the clock in whatever thread the garbage is collected.
    """
    return is_harness(frame) or is_import(frame) or module_of(frame).partition(".")[0] in TOOLS


def is_below_import(frame: FrameType) -> bool:
    """Whether a module is being imported, whose code runs for the first time."""
    return any(is_import(one) for one in _outwards(frame))


def is_below(frame: FrameType, module: str, function: str) -> bool:
    """Whether this function of this module is under way."""
    return any(
        one.f_code.co_name == function and module_of(one) == module for one in _outwards(frame)
    )


def caller(frame: FrameType) -> str:
    """The file and line of the board, as far as it can be told from Python's own modules."""
    outside = [one for one in _outwards(frame) if not is_harness(one)]
    boards = (one for one in outside if not _is_python_s_own(one))
    found = next(boards, outside[0] if outside else frame)
    return f"{os.path.basename(found.f_code.co_filename)}:{found.f_lineno}"


def _is_python_s_own(frame: FrameType) -> bool:
    return is_import(frame) or module_of(frame).partition(".")[0] in sys.stdlib_module_names


def _outwards(frame: FrameType) -> list[FrameType]:
    """The frame and those that called it, up to where the harness called the board.

    That harness frame is in between where a door is concerned, so it is no border itself: the list
    ends at the first harness frame beyond the board's.
    """
    found: list[FrameType] = []
    at: FrameType | None = frame
    while at is not None:
        if is_harness(at) and found and not is_harness(found[-1]):
            break
        found.append(at)
        at = at.f_back
    return found
