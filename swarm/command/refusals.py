"""Why the board said no: who holds the task, until when, or what became of it."""

from __future__ import annotations

import time
from typing import Any

from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.words import clock, relative
from swarm.task import FINAL, HELD, LEASE_SECONDS_DEFAULT, Task
from swarm.task_board import TaskBoard


def refusal(board: TaskBoard, operation: str, task_id: str, token: int | None) -> CommandError:
    """The error for an operation that the board has just refused, by the task as it is now.

    Raises ``CorruptTaskError`` where what bears the id is no task.
    """
    task = board.get(task_id)
    if task is None:
        words = f"{operation} {task_id!r}: there is no such task on the board"
        return CommandError(ExitStatus.REFUSED, words, task_id=task_id, task=None)
    return refused(operation, task, token)


def refused(operation: str, task: Task, token: int | None) -> CommandError:
    """The error for an operation on a task that is like this."""
    words = state_in_words(task)
    if token is not None and token != task.token:
        words += f"; token {token} is superseded, the last grant's is {task.token}"
    text = f"{operation} {task.task_id!r} is refused: it {words}"
    return CommandError(ExitStatus.REFUSED, text, task_id=task.task_id, task=facts(task))


def check_granted_to(
    board: TaskBoard, operation: str, task_id: str, agent: str, token: int
) -> None:
    """Refuse an agent that names another one's token: each was given to one agent only."""
    task = board.get(task_id)
    if task is None or task.token != token or task.claimed_by in (None, agent):
        return  # the board decides
    words = f"token {token} was granted to {task.claimed_by!r}, not to {agent!r}"
    text = f"{operation} {task_id!r} is refused: {words}"
    raise CommandError(ExitStatus.REFUSED, text, task_id=task_id, task=facts(task))


def state_in_words(task: Task) -> str:
    """``is held by 'a1' under token 3 until …``, ``is COMPLETED by 'a1'``, ``is PENDING``."""
    if task.status in HELD:
        ends = lease_end(task)
        until = f"until {clock(ends)}, {relative(ends, time.time())}"
        return f"is {task.status}, held by {task.claimed_by!r} under token {task.token} {until}"
    if task.status in FINAL:
        by = "" if task.claimed_by is None else f", last held by {task.claimed_by!r}"
        return f"is {task.status}{by} under token {task.token}"
    return "is PENDING and nobody holds it"


def lease_end(task: Task) -> float:
    """When the claim on a held task lapses."""
    lease = LEASE_SECONDS_DEFAULT if task.lease_seconds is None else task.lease_seconds
    return (task.claimed_at or 0.0) + lease


def facts(task: Task) -> dict[str, Any]:
    """What a program needs to know of the task that it was refused."""
    return {
        "status": str(task.status),
        "claimed_by": task.claimed_by,
        "token": task.token,
        "lease_ends_at": lease_end(task) if task.status in HELD else None,
    }
