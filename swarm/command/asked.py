"""What all commands are asked for: which board, and in which form to answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from swarm.command.exit_status import ExitStatus
from swarm.command.failures import CommandError
from swarm.task_board import Durability, TaskBoard

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Asked:
    """The options that stand before or behind the name of any command."""

    storage: str | None = None
    as_json: bool = False
    lock_timeout: float = 30.0
    durability: Durability = "power"
    task_bytes_max: int = 16 * 2**20

    def directory(self) -> str:
        """The board's directory, whether it is there or not."""
        if not self.storage:
            raise CommandError(
                ExitStatus.USAGE, "the board must be named: pass --storage DIR or set SWARM_STORAGE"
            )
        return self.storage

    def board(self, *, create: bool = False, **options: Any) -> TaskBoard:
        """The board, open. A directory that is not there is made only with ``create``.

        For all else it is a slip: a board that nobody posts to would be waited on for ever.
        """
        directory = self.directory()
        if not create and not os.path.isdir(directory):
            words = f"the board's directory must exist, got {directory!r}: post makes it"
            raise CommandError(ExitStatus.USAGE, f"{words}, and doctor --create")
        return TaskBoard(
            directory,
            lock_timeout=self.lock_timeout,
            durability=self.durability,
            task_bytes_max=self.task_bytes_max,
            **options,
        )

    def variables(self) -> dict[str, str]:
        """These options as variables, for a program that calls the command on the same board."""
        return {
            "SWARM_LOCK_TIMEOUT": str(self.lock_timeout),
            "SWARM_DURABILITY": self.durability,
            "SWARM_TASK_BYTES_MAX": str(self.task_bytes_max),
        }

    def reader(self) -> TaskBoard:
        """The board, for reading only: nothing at all is written."""
        return self.board(read_only=True)


def board_command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A command that takes ``--storage`` and ``--json`` too, and is called with ``Asked``."""

    def make(function: Callable[..., Any]) -> click.Command:
        storage = click.option(
            "--storage", metavar="DIR", expose_value=False, callback=_remember, help=STORAGE_HELP
        )
        as_json = click.option(
            "--json",
            "as_json",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="Answer in JSON, one object a line.",
        )
        return click.command(name)(storage(as_json(click.pass_obj(function))))

    return make


STORAGE_HELP = "The board's directory.  [default: $SWARM_STORAGE]"


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and option.name is not None:
        setattr(context.obj, option.name, value)


def task_argument(function: Function) -> Function:
    """The task that a command is about; within ``swarm run`` it knows which."""
    return click.argument("task_id", metavar="ID", envvar="SWARM_TASK_ID")(function)


def agent_option(function: Function) -> Function:
    """Who asks."""
    return click.option(
        "--agent",
        required=True,
        envvar="SWARM_AGENT",
        show_envvar=True,
        help="Who you are: a name of your own among all agents.",
    )(function)


def token_option(function: Function) -> Function:
    """Under which grant one asks."""
    return click.option(
        "--token",
        type=int,
        required=True,
        envvar="SWARM_TOKEN",
        show_envvar=True,
        help="The token that the claim told you.",
    )(function)


def types_option(function: Function) -> Function:
    """Which tasks one can handle."""
    by_name = click.option(
        "--type", "types", multiple=True, metavar="TYPE", help="Only tasks of this type; repeat it."
    )
    listed = click.option(
        "--capabilities", metavar="TYPE,…", help="Only tasks of these types, in one option."
    )
    return by_name(listed(function))


def types_of(types: tuple[str, ...], capabilities: str | None) -> list[str] | None:
    """All types that were named, None if none was: any type will do."""
    if capabilities is None:
        return list(types) or None
    return [*types, *filter(None, (name.strip() for name in capabilities.split(",")))]


def lease_option(function: Function) -> Function:
    """How long a claim holds."""
    return click.option(
        "--lease-seconds",
        type=float,
        default=3600.0,
        show_default=True,
        envvar="SWARM_LEASE_SECONDS",
        help="How long the claim holds unless it is renewed.",
    )(function)


def attempts_option(function: Function) -> Function:
    """How often a task may be granted."""
    return click.option(
        "--attempts-max",
        type=click.IntRange(min=1),
        default=5,
        show_default=True,
        envvar="SWARM_ATTEMPTS_MAX",
        help="A task whose claim lapsed so often fails for good.",
    )(function)


def wait_option(function: Function) -> Function:
    """How long to wait for work."""
    return click.option(
        "--wait-seconds",
        type=click.FloatRange(min=0),
        default=0.0,
        help="Wait so long for a task to claim, rather than not at all.",
    )(function)
