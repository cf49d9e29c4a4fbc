"""The report of replayed counterexamples, as a session of pytest would write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from proofs.harness.counterexample import Counterexample
from proofs.harness.proof import Conclusion
from proofs.harness.proven_board import ProvenBoard
from proofs.replaying import board_of_file
from proofs.report import Session, write_report


def reported(conclusions: Sequence[Conclusion], folder: Path, named: str | None) -> Path:
    """Write the report of these; the path of its page.

    ``named`` is the board that they were replayed on, None for those of their files.
    """

    def board_of(counterexample: Counterexample, file: Path) -> ProvenBoard:
        return board_of_file(counterexample, file, named, [Path()])

    fields: list[dict[str, Any]] = [asdict(conclusion) for conclusion in conclusions]
    return write_report(folder, Session(fields), board_of)
