"""From the options of ``python -m proofs fuzz`` to a night; what cannot be had is bad usage."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

import click

from proofs.harness.answers import UnfitBoardError
from proofs.harness.board_path import BoardPathError
from proofs.harness.gates import GATES
from proofs.night.asked import Asked
from proofs.night.database import DatabaseError
from proofs.night.known import KnownError
from proofs.night.members import NAMES
from proofs.night.night import night
from proofs.proving import OUR_BOARD


def start(
    budget_seconds: float,
    processes: int,
    seed: int | None,
    *,
    board: str | None,
    gate: str,
    only: tuple[str, ...],
    database: str,
    counterexamples: Path,
    known: Path,
    report: Path | None,
    strict: bool,
) -> int:
    """Draw a seed where none is given, say what is about to be done, and do it."""
    for name in only:
        if name not in NAMES:
            raise click.UsageError(f"--only must be one of {', '.join(NAMES)}, got {name!r}")
    asked = Asked(
        budget_seconds,
        processes,
        secrets.randbits(32) if seed is None else seed,
        database,
        counterexamples,
        report,
        known,
        board or OUR_BOARD,
        tuple(one for one in GATES if gate in (one, "both")),
        strict,
        only,
        has_canary=not only,
    )
    # Boards log what the night does to their files on purpose; that would bury the verdict.
    logging.getLogger("swarm").addHandler(logging.NullHandler())
    words = f"{budget_seconds:g} s in {processes} process{'' if processes == 1 else 'es'}"
    print(f"fuzz: {asked.board} for {words}, seed {asked.seed}", flush=True)
    try:
        return night(asked)
    except (BoardPathError, DatabaseError, KnownError, UnfitBoardError) as error:
        raise click.UsageError(str(error)) from error
