"""All commands, each imported when it is asked for: ``--help`` waits for no Hypothesis."""

from __future__ import annotations

import importlib
from typing import Any

import click

_ROOMS = {
    "fuzz": "fuzzing",
    "soak": "soaking",
    "replay": "replaying",
    "minimise": "minimising",
    "explain": "explaining",
    "export": "exporting",
    "report": "reporting",
}
"""Of each command the module that holds it, in the order in which they are needed."""

EPILOG = """\b
Exit statuses: 0 done, all hold, 1 violated, 2 usage, 3 unknown (nothing was
judged), 4 fault of the harness, 130 interrupted, 141 output lost."""


class OutputLostError(Exception):
    """Whoever read the output went away."""


class Rooms(click.Group):
    """A group whose commands lie in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        return list(_ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name: ``<name>_command`` in its module."""
        if cmd_name not in _ROOMS:
            return None
        module = importlib.import_module(f"proofs.command.{_ROOMS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Of a closed pipe click would make status 1, which says "violated" here."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise OutputLostError from error


@click.command(cls=Rooms, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The proofs of a task board from the command line."""
