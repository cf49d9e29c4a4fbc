"""``python -m proofs fuzz``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from proofs.command import amounts
from proofs.command.asked import FOLDER, file_to_read_if_named, folder_to_write, strict_option
from proofs.command.cli import EPILOG

_PATH: Any = click.Path(path_type=Path)


@click.command("fuzz", epilog=EPILOG)
@amounts.budget_option("5m")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many processes look; by default one for each core.",
)
@click.option(
    "--seed", callback=amounts.seed, metavar="N", help="Draw as the night that printed this."
)
@click.option("--board", metavar="BOARD", help="MODULE:CALLABLE or path/to/file.py:CALLABLE.")
@click.option(
    "--gate",
    type=click.Choice(["threads", "processes", "both"]),
    default="both",
    show_default=True,
    help="Where agents run.",
)
@click.option("--only", multiple=True, metavar="MEMBER", help="Of the portfolio only this member.")
@click.option(
    "--database",
    default=str(Path(".proofs", "corpus")),
    show_default=True,
    metavar="URL-OR-FOLDER",
    help="What nights share: a folder, or redis://HOST:PORT/DB.",
)
@click.option(
    "--counterexamples",
    type=_PATH,
    callback=folder_to_write,
    default=FOLDER,
    show_default=True,
    metavar="DIR",
    help="Where new counterexamples go.",
)
@click.option(
    "--known",
    type=_PATH,
    callback=file_to_read_if_named,
    default=Path("proofs", "known.json"),
    show_default=True,
    metavar="FILE",
    help="The list of violations that are known; only the usual one need not be there.",
)
@click.option(
    "--report", type=_PATH, callback=folder_to_write, metavar="DIR", help="Write a report there."
)
@strict_option
def fuzz_command(budget: float, processes: int | None, seed: int | None, **others: Any) -> int:
    """Look for what breaks a board until the budget is spent, in several ways and processes."""
    from proofs.night.start import start

    return start(budget, processes or _cores(), seed, **others)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
