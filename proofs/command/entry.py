"""Where the command begins and ends: whatever is raised becomes one exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from proofs.command.cli import OutputLostError, cli
from proofs.exit_code import ExitCode

FAULT = "harness fault: this says nothing about the board"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    try:
        answer = cli.main(asked, prog_name="python -m proofs", standalone_mode=False)
        sys.stdout.flush()
    except (OutputLostError, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python says so once more at its end
        return ExitCode.OUTPUT_LOST
    except (click.exceptions.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except Exception:
        traceback.print_exc()
        print(FAULT, file=sys.stderr)
        return ExitCode.HARNESS_FAULT
    return answer if isinstance(answer, int) else ExitCode.HOLDS
