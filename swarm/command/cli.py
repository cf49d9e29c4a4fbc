"""All commands, each imported when it is asked for: an agent pays for the one that it calls."""

from __future__ import annotations

import importlib
from typing import Any

import click

from swarm.command.asked import STORAGE_HELP, Asked
from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError

_ROOMS = {
    "post": "posting",
    "claim": "claiming",
    "start": "holding",
    "renew": "holding",
    "complete": "holding",
    "fail": "holding",
    "release": "holding",
    "cancel": "cancelling",
    "run": "running",
    "list": "looking",
    "show": "looking",
    "watch": "watching",
    "requeue": "upkeep",
    "prune": "upkeep",
    "quarantine": "restoring",
    "doctor": "doctoring",
}
"""Of each command the module that holds it, in the order of the help."""

_EPILOG = """\b
Exit statuses: 0 done, 1 nothing to claim, 2 usage, 3 refused or superseded,
4 the lock was not had, 5 damaged, 70 a bug, 130 interrupted, 141 output lost."""


class Rooms(click.Group):
    """A group whose commands lie in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a task's life."""
        return list(_ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name: ``<name>_command`` in its module."""
        if cmd_name not in _ROOMS:
            return None
        module = importlib.import_module(f"swarm.command.{_ROOMS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Click would print an empty line where a command is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise CommandError(ExitStatus.INTERRUPTED, "interrupted") from None


@click.command(cls=Rooms, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--storage", metavar="DIR", envvar="SWARM_STORAGE", help=STORAGE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, one object a line.")
@click.option(
    "--lock-timeout",
    type=float,
    default=30.0,
    show_default=True,
    envvar="SWARM_LOCK_TIMEOUT",
    show_envvar=True,
    metavar="SECONDS",
    help="How long to wait for the board's lock.",
)
@click.option(
    "--durability",
    type=click.Choice(["power", "kill"]),
    default="power",
    show_default=True,
    envvar="SWARM_DURABILITY",
    show_envvar=True,
    help="What answers survive: power loss, or kills only.",
)
@click.option(
    "--task-bytes-max",
    type=click.IntRange(min=1),
    default=16 * 2**20,
    show_default=True,
    envvar="SWARM_TASK_BYTES_MAX",
    show_envvar=True,
    help="The size of the largest task; the same for all who share the board.",
)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """A task board in a directory, for agents in any language."""
    context.obj = Asked(**options)
