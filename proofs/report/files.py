"""The two files of a report, each written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from proofs.report.json_text import json_text
from proofs.report.page import page
from proofs.report.played import BoardOf, played
from proofs.report.session import Session


def write_report(folder: Path, session: Session, board_of: BoardOf) -> Path:
    """``report.json`` and ``report.html`` in the folder; the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    report = session.to_json(folder)
    _write(folder / "report.json", json_text(report, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        shown = list(played(session.counterexamples(), board_of, Path(scratch, "board")))
    path = folder / "report.html"
    _write(path, page(report, shown))
    return path


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
