"""``swarm post``."""

from __future__ import annotations

import os
import uuid
from typing import Any

import click

from swarm.command.asked import Asked, board_command
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.json_values import read_json
from swarm.command.output import say, say_done, warn
from swarm.task import Task, TaskType


@board_command("post")
@click.argument("task_id", metavar="[ID]", required=False)
@click.option("--type", "task_type", default=TaskType.CODE_ANALYSIS.value, show_default=True)
@click.option("--description", default="", help="For people.")
@click.option("--priority", type=int, default=5, show_default=True, help="The lower the sooner.")
@click.option("--payload", metavar="JSON", help="An object, what the task is about.")
@click.option("--payload-file", metavar="FILE", help="The same from a file; - is stdin.")
def post_command(
    asked: Asked,
    task_id: str | None,
    payload: str | None,
    payload_file: str | None,
    **fields: Any,
) -> None:
    """Put a new task on the board.

    Prints its id, which is ID or a new one. The board's directory is made if it is not there.
    """
    value = read_json("--payload", payload, "--payload-file", payload_file)
    if not isinstance(value, dict | None):
        raise CommandError(ExitStatus.USAGE, 'the payload must be a JSON object, as {"n": 1}')
    new_id = uuid.uuid4().hex if task_id is None else task_id
    task = Task(new_id, payload=value or {}, **fields)
    directory = asked.directory()
    is_new = not os.path.isdir(directory)
    board = asked.board(create=True)
    if is_new:
        warn(f"made a new board at {os.path.abspath(directory)}")
    board.post(task)
    if asked.as_json:
        say_done("post", task.task_id, "", as_json=True)
    else:
        say(task.task_id)
