"""A task that was just granted, and how its holder is told: as words, JSON, or for a shell."""

from __future__ import annotations

import json
import shlex
import time

from swarm.command.refusals import lease_end
from swarm.command.words import cut, when
from swarm.task import Task

VALUE_BYTES_MAX = 100_000
"""Linux takes no more than 128 KiB in one variable; what is longer stands in the task only."""


def environment_of(task: Task, storage: str) -> dict[str, str | None]:
    """The variables by which a program knows its task; None for what does not fit into one."""
    variables = {
        "SWARM_STORAGE": storage,
        "SWARM_AGENT": str(task.claimed_by),
        "SWARM_TOKEN": str(task.token),
        "SWARM_TASK_ID": task.task_id,
        "SWARM_TASK_TYPE": str(task.task_type),
        "SWARM_TASK_DESCRIPTION": task.description,
        "SWARM_TASK_PRIORITY": str(task.priority),
        "SWARM_TASK_ATTEMPTS": str(task.attempts),
        "SWARM_TASK_PAYLOAD": json.dumps(task.payload),
    }
    return {name: value if _fits(value) else None for name, value in variables.items()}


def shell_lines(task: Task, storage: str) -> list[str]:
    """What a POSIX shell may ``eval`` to have these variables; those left out are unset."""
    return [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in environment_of(task, storage).items()
    ]


def granted_in_words(task: Task) -> str:
    """``t1 token 3, until 2026-11-24 12:04:05 (in 60 min): look for dead code``."""
    until = when(lease_end(task), time.time())
    words = f"{cut(task.task_id, 200)} token {task.token}, until {until}"
    return f"{words}: {cut(task.description, 200)}" if task.description else words


def _fits(value: str) -> bool:
    return "\0" not in value and len(value.encode("utf-8", "replace")) <= VALUE_BYTES_MAX
