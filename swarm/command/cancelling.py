"""``swarm cancel``."""

from __future__ import annotations

import click

from swarm.command.asked import Asked, board_command, task_argument
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.output import say_done
from swarm.command.refusals import check_granted_to, refusal, state_in_words
from swarm.task import HELD


@board_command("cancel")
@task_argument
@click.option("--agent", help="Who you are; with --token, if you hold the task.")
@click.option("--token", type=int, help="The token that the claim told you.")
@click.option("--force", is_flag=True, help="Also a task that another one holds.")
def cancel_command(
    asked: Asked, task_id: str, agent: str | None, token: int | None, force: bool
) -> None:
    """It is not to be done any more.

    One that is held needs the --agent and --token of its holder, or --force. What is
    cancelled is the task as it was seen: if somebody claims it meanwhile, it is refused.
    """
    board = asked.board()
    task = board.get(task_id)
    if task is None:
        raise refusal(board, "cancel", task_id, token)
    if token is not None and agent is not None:
        check_granted_to(board, "cancel", task_id, agent, token)
    elif task.status in HELD and not force:
        words = f"{task_id!r} {state_in_words(task)}: pass its --agent and --token, or --force"
        raise CommandError(ExitStatus.USAGE, words)
    seen = task.token if token is None else token
    if not board.cancel(task_id, token=seen):
        raise refusal(board, "cancel", task_id, seen)
    say_done("cancel", task_id, "CANCELLED", as_json=asked.as_json)
