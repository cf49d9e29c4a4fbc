"""What a person does with tasks that are over: ``requeue`` and ``prune``."""

from __future__ import annotations

import click

from swarm.command.asked import Asked, board_command
from swarm.command.output import say, say_done, say_json
from swarm.command.refusals import refusal
from swarm.command.words import one_line


@board_command("requeue")
@click.argument("task_id", metavar="ID")
def requeue_command(asked: Asked, task_id: str) -> None:
    """Send a FAILED or CANCELLED task back.

    It is PENDING again, its attempts counted anew.
    """
    board = asked.board()
    if not board.requeue(task_id):
        raise refusal(board, "requeue", task_id, None)
    say_done("requeue", task_id, "PENDING", as_json=asked.as_json)


@board_command("prune")
@click.option(
    "--older-than-seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Only tasks that have been final for so long.",
)
def prune_command(asked: Asked, older_than_seconds: float) -> None:
    """Move final tasks off the board.

    They lie in .archive/ then; prints their ids.
    """
    ids = asked.board().prune(older_than_seconds)
    if asked.as_json:
        say_json({"operation": "prune", "outcome": "ok", "task_ids": ids})
    else:
        say(map(one_line, ids))
