"""``swarm claim``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import click

from swarm.command.asked import (
    Asked,
    agent_option,
    attempts_option,
    board_command,
    lease_option,
    types_of,
    types_option,
    wait_option,
)
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.granted import granted_in_words, shell_lines
from swarm.command.output import say, task_json
from swarm.command.refusals import refusal
from swarm.command.waiting import pauses
from swarm.task import Task
from swarm.task_board import TaskBoard


@board_command("claim")
@click.argument("task_id", metavar="[ID]", required=False)
@agent_option
@types_option
@wait_option
@lease_option
@attempts_option
@click.option("--shell", is_flag=True, help="Answer as variables for a shell to eval.")
def claim_command(
    asked: Asked,
    task_id: str | None,
    agent: str,
    types: tuple[str, ...],
    capabilities: str | None,
    wait_seconds: float,
    lease_seconds: float,
    attempts_max: int,
    shell: bool,
) -> None:
    """Take the next task, or the one named ID.

    Prints the task and the token of this grant, which every later call for it must name. Exits
    with 1 if there is none, with 3 if ID is another's.
    """
    if sys.stdout is None:
        raise CommandError(ExitStatus.USAGE, "standard output must be open to tell the token")
    wanted = types_of(types, capabilities)
    if task_id is not None and wanted is not None:
        raise CommandError(ExitStatus.USAGE, "name a task or its type, not both")
    board = asked.board(lease_seconds=lease_seconds, attempts_max=attempts_max)

    def look() -> Task | None:
        if task_id is None:
            return board.claim_next(agent, wanted)
        return board.claim_task(task_id, agent)

    task = wait_for(look, wait_seconds)
    if task is None:
        raise _none(board, task_id, wanted)
    _tell(board, task, asked, shell)


def wait_for(look: Callable[[], Task | None], wait_seconds: float) -> Task | None:
    """What ``look`` answers, looked for again and again until then."""
    deadline = time.monotonic() + wait_seconds
    for pause in pauses():
        task = look()
        left = deadline - time.monotonic()
        if task is not None or left <= 0:
            return task
        time.sleep(min(pause, left))
    raise AssertionError("pauses do not end")


def _none(board: TaskBoard, task_id: str | None, wanted: list[str] | None) -> CommandError:
    if task_id is not None:
        return refusal(board, "claim", task_id, None)
    of_type = "" if wanted is None else f" of type {', '.join(wanted)}"
    return CommandError(ExitStatus.NOTHING, f"nothing to claim{of_type}")


def _tell(board: TaskBoard, task: Task, asked: Asked, shell: bool) -> None:
    """Print it. A task whose holder cannot be told of it goes back at once."""
    try:
        if shell:
            say(shell_lines(task, os.path.abspath(board.storage_path)))
        else:
            say(task_json(task) if asked.as_json else granted_in_words(task))
    except BaseException:
        board.release(task.task_id, token=task.token)
        raise
