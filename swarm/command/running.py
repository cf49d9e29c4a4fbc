"""``swarm run``: an agent that is any program."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence

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
from swarm.command.output import say, say_json, warn
from swarm.command.refusals import refusal
from swarm.command.signals import Signals
from swarm.command.waiting import pauses
from swarm.command.words import one_line
from swarm.command.working import Plan, Report, work
from swarm.errors import LockTimeoutError
from swarm.mount import network_kind
from swarm.task import Task
from swarm.task_board import TaskBoard

Look = Callable[[], Task | None]


@board_command("run")
@agent_option
@types_option
@wait_option
@lease_option
@attempts_option
@click.option("--forever", is_flag=True, help="Task after task, until a signal ends it.")
@click.option("--retry", is_flag=True, help="A failed task is pending again, --attempts-max times.")
@click.option(
    "--grace-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="How long CMD may take to end when it is told to.",
)
@click.argument("command", metavar="CMD...", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(
    asked: Asked,
    agent: str,
    types: tuple[str, ...],
    capabilities: str | None,
    wait_seconds: float,
    lease_seconds: float,
    attempts_max: int,
    forever: bool,
    retry: bool,
    grace_seconds: float,
    command: Sequence[str],
) -> int:
    """Claim a task and run CMD on it.

    CMD has the task on its standard input and in SWARM_TASK_ID, SWARM_TASK_PAYLOAD and others. The
    lease is renewed while it runs. If it exits with 0, what it printed is the result; else the
    task fails with its last words. Put -- before CMD.
    """
    if shutil.which(command[0]) is None:
        raise CommandError(ExitStatus.USAGE, f"CMD must be a program, got {command[0]!r}")
    board = asked.board(lease_seconds=lease_seconds, attempts_max=attempts_max)
    _warn_of_network(board)
    plan = Plan(command, asked.variables(), retry, grace_seconds, asked.task_bytes_max)
    wanted = types_of(types, capabilities)
    with Signals() as signals:

        def look() -> Task | None:
            return board.claim_next(agent, wanted)

        if forever:
            return _run_forever(board, look, plan, signals, asked.as_json)
        return _run_once(board, look, plan, signals, asked.as_json, wait_seconds)


def _run_once(
    board: TaskBoard, look: Look, plan: Plan, signals: Signals, as_json: bool, wait_seconds: float
) -> int:
    task = _waited_for(look, signals, time.monotonic() + wait_seconds)
    if task is None and signals.received:
        return 128 + signals.received[0]
    if task is None:
        raise CommandError(ExitStatus.NOTHING, "nothing to claim")
    report = work(board, task, plan, signals)
    _tell(report, as_json)
    if report.outcome == "superseded":
        raise refusal(board, "complete", report.task_id, report.token)
    return 128 + signals.received[0] if signals.received else ExitStatus.DONE


def _run_forever(board: TaskBoard, look: Look, plan: Plan, signals: Signals, as_json: bool) -> int:
    """A signal is how this ends, so it ends well."""
    while not signals.received:
        try:
            task = _waited_for(look, signals, None)
            if task is not None:
                _tell(work(board, task, plan, signals), as_json)
        except LockTimeoutError as error:
            warn(f"trying again: {error}")
    return ExitStatus.DONE


def _waited_for(look: Look, signals: Signals, deadline: float | None) -> Task | None:
    """A task, None when it is too late or a signal asks for the end."""
    for pause in pauses():
        task = None if signals.received else look()
        left = pause if deadline is None else min(pause, deadline - time.monotonic())
        if task is not None or signals.received or left <= 0:
            return task
        signals.wait(left)
    raise AssertionError("pauses do not end")


def _tell(report: Report, as_json: bool) -> None:
    """A line a task."""
    if as_json:
        say_json(report.to_json())
        return
    words = f": {report.words}" if report.words else ""
    say(one_line(f"{report.task_id} {report.outcome} after {report.seconds:.1f} s{words}"))


def _warn_of_network(board: TaskBoard) -> None:
    kind = network_kind(board.storage_path)
    if kind is not None:
        warn(f"the board lies on {kind}: claims are exclusive only if it keeps flock")
