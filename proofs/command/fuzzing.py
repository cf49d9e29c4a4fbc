"""``python -m proofs fuzz``."""

from __future__ import annotations

import click

from proofs.command import amounts
from proofs.command.cli import EPILOG


@click.command("fuzz", epilog=EPILOG)
@click.option(
    "--budget",
    callback=amounts.budget,
    default="5m",
    show_default=True,
    metavar="TIME",
    help="How long to look: 60s, 30m, 1h.",
)
@click.option(
    "--seed", callback=amounts.seed, metavar="N", help="Repeat the run that printed this seed."
)
def fuzz_command(budget: float, seed: int | None) -> int:
    """Run the state machine under fresh seeds until the budget is spent."""
    from proofs.fuzz import fuzz

    return fuzz(budget, seed)
