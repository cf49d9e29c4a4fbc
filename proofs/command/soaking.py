"""``python -m proofs soak``."""

from __future__ import annotations

import random
from pathlib import Path

import click

from proofs.command import amounts
from proofs.command.cli import EPILOG
from proofs.exit_code import ExitCode

_CODES = {"violated": ExitCode.VIOLATED, "unknown": ExitCode.UNKNOWN}


@click.command("soak", epilog=EPILOG)
@click.option(
    "--board", metavar="BOARD", help="MODULE:CALLABLE or path/to/file.py:CALLABLE; else ours."
)
@amounts.budget_option("60s")
@click.option(
    "--processes",
    type=click.IntRange(2, 32),
    default=3,
    show_default=True,
    metavar="N",
    help="How many agents are at work at once.",
)
@click.option(
    "--seed", callback=amounts.seed, metavar="N", help="Ask the same, about as often killed."
)
def soak_command(board: str | None, budget: float, processes: int, seed: int | None) -> int:
    """Let real agents work and die with nothing intercepted, and judge what they saw.

    It cannot be replayed. The history that shows a promise broken is kept in .proofs/soak.
    """
    from proofs.command.judging import say
    from proofs.harness.answers import UnfitBoardError
    from proofs.harness.proven_board import ProvenBoard
    from proofs.soak.soaking import soak

    drawn = random.SystemRandom().getrandbits(32) if seed is None else seed
    try:
        proven = ProvenBoard.named(board or "proofs.our_board:TaskBoard")
        soaked = soak(proven, budget, processes, drawn, Path(".proofs"))
    except (ValueError, UnfitBoardError) as error:
        raise click.UsageError(str(error)) from error
    for found in soaked.found:
        say(f"{found.invariant} violated by {soaked.board}: {found.words}")
        say(f"History: {found.history.with_suffix('.txt')}")
    how = " (sampled)" if soaked.value == "holds" else ""
    words = soaked.bound() if soaked.found else soaked.words()
    say(f"{soaked.value}{how}: {soaked.board}: {words}")
    return _CODES.get(soaked.value, ExitCode.HOLDS)
