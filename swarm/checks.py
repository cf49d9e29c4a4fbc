"""Rules for what callers pass: each raises ``InvalidTaskError`` before anything is done."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from typing import TypeGuard

from swarm.errors import InvalidTaskError, UnsupportedPlatformError, shown
from swarm.task import TOKEN_MAX
from swarm.task_file import AGENT_ID_LENGTH_MAX, SUFFIX


def check_encoding() -> None:
    """Files must bear the same names for all who share a directory, so they are UTF-8."""
    encoding = sys.getfilesystemencoding()
    if encoding.lower().replace("-", "") != "utf8":
        raise UnsupportedPlatformError(
            f"its file names are UTF-8, and this Python names files in {encoding}; set PYTHONUTF8=1"
        )


def check_task_id(task_id: object, name_bytes_max: int) -> None:
    """An id must be fit to name a visible file; ``name_bytes_max`` is the file system's limit."""
    rule = _rule_of_task_id(task_id, name_bytes_max)
    if rule is not None:
        raise InvalidTaskError("task_id", rule, shown(task_id))


def _rule_of_task_id(task_id: object, name_bytes_max: int) -> str | None:
    """The rule that the id breaks."""
    if not isinstance(task_id, str) or not task_id:
        return "be a non-empty string"
    if task_id.startswith("."):
        return "not start with a dot"
    if "\0" in task_id or os.sep in task_id or (os.altsep and os.altsep in task_id):
        return f"be a file's name, without NUL and {os.sep}"
    try:
        size = len(task_id.encode("utf-8")) + len(SUFFIX)
    except UnicodeEncodeError:
        return "be Unicode text, without halves of surrogate pairs"
    if size > name_bytes_max:
        return f"take at most {name_bytes_max - len(SUFFIX)} bytes as UTF-8"
    return None


def check_agent(agent_id: object) -> None:
    """An agent's id is a string that is not empty and not a text of its own."""
    if not _is_text(agent_id) or len(agent_id) > AGENT_ID_LENGTH_MAX:
        rule = f"be a string of 1 to {AGENT_ID_LENGTH_MAX} characters, without lone surrogates"
        raise InvalidTaskError("agent_id", rule, shown(agent_id))


def as_type_names(capabilities: object) -> frozenset[str] | None:
    """The names of the types in ``capabilities``; None, for any type, as it is."""
    if capabilities is None:
        return None
    if isinstance(capabilities, str):
        capabilities = [capabilities]
    if isinstance(capabilities, Iterable):
        names = list(capabilities)
        if all(map(_is_text, names)):
            return frozenset(names)
    rule = "be names of task types, or None for any type"
    raise InvalidTaskError("capabilities", rule, shown(capabilities))


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is a string, not empty, that UTF-8 can express."""
    if not isinstance(value, str) or not value:
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    """A duration is finite and positive; 0 only where it means "at once"."""
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    # Comparing, unlike math.isfinite, takes an integer of any size.
    if not (0 < number <= sys.float_info.max or (zero and number == 0)):
        rule = f"be a finite number of seconds, {'0 or more' if zero else 'more than 0'}"
        raise InvalidTaskError(name, rule, shown(value))


def check_count(name: str, value: object, *, zero: bool = False) -> None:
    """A count is an integer that every JSON reader keeps exact."""
    least = 0 if zero else 1
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= TOKEN_MAX:
        raise InvalidTaskError(name, f"be an integer, {least} or more", shown(value))
