"""What the holder of a task does with it: ``start renew complete fail release``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from swarm.command.asked import Asked, agent_option, board_command, task_argument, token_option
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.command.json_values import read_json
from swarm.command.output import say_done
from swarm.command.refusals import check_granted_to, refusal
from swarm.task_board import TaskBoard


@board_command("start")
@task_argument
@agent_option
@token_option
def start_command(asked: Asked, task_id: str, agent: str, token: int) -> None:
    """Say that work has begun: it is IN_PROGRESS."""
    _change(asked, "start", task_id, agent, token, "IN_PROGRESS", TaskBoard.start)


@board_command("renew")
@task_argument
@agent_option
@token_option
def renew_command(asked: Asked, task_id: str, agent: str, token: int) -> None:
    """Let the lease run anew from now."""
    _change(asked, "renew", task_id, agent, token, "renewed", TaskBoard.renew)


@board_command("release")
@task_argument
@agent_option
@token_option
def release_command(asked: Asked, task_id: str, agent: str, token: int) -> None:
    """Give it back: it is PENDING again."""
    _change(asked, "release", task_id, agent, token, "PENDING", TaskBoard.release)


@board_command("complete")
@task_argument
@agent_option
@token_option
@click.option("--result", metavar="JSON", help="Any JSON value; null by default.")
@click.option("--result-file", metavar="FILE", help="The same from a file; - is stdin.")
@click.option("--text", help='For {"output": TEXT}, the form of a result that is no JSON.')
def complete_command(
    asked: Asked,
    task_id: str,
    agent: str,
    token: int,
    result: str | None,
    result_file: str | None,
    text: str | None,
) -> None:
    """Done, with this result: it is COMPLETED."""
    if text is not None and (result is not None or result_file is not None):
        raise CommandError(ExitStatus.USAGE, "pass --text or a result in JSON, not both")
    value = read_json("--result", result, "--result-file", result_file)
    value = value if text is None else {"output": text}
    _change(asked, "complete", task_id, agent, token, "COMPLETED", TaskBoard.complete, result=value)


@board_command("fail")
@task_argument
@agent_option
@token_option
@click.option("--error", required=True, help="Why, for people.")
@click.option("--retry", is_flag=True, help="Back to PENDING, for the next one who claims it.")
def fail_command(
    asked: Asked, task_id: str, agent: str, token: int, error: str, retry: bool
) -> None:
    """Give up: it is FAILED, or PENDING to retry."""
    words = "PENDING" if retry else "FAILED"
    _change(asked, "fail", task_id, agent, token, words, TaskBoard.fail, error=error, retry=retry)


def _change(
    asked: Asked,
    operation: str,
    task_id: str,
    agent: str,
    token: int,
    words: str,
    act: Callable[..., bool],
    **arguments: Any,
) -> None:
    board = asked.board()
    check_granted_to(board, operation, task_id, agent, token)
    if not act(board, task_id, token=token, **arguments):
        raise refusal(board, operation, task_id, token)
    say_done(operation, task_id, words, as_json=asked.as_json)
