"""Nights in processes of their own, and what they report: for several proofs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from proofs.commands import SOURCES
from proofs.json_schema import faults
from proofs.night.found import Found

NO_LOCK = "proofs.broken_boards.no_lock:Board"
PATIENCE_SECONDS = 120.0


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A night of its own process, below this folder."""
    command = [sys.executable, "-m", "proofs", "fuzz", "--processes", "2", *options]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(holds: Callable[[], Any], why: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for what will be, whatever the machine is busy with."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def report_of(folder: Path) -> dict[str, Any]:
    """What the report says of the night, once it is as its schema says."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    schema = json.loads(files("proofs.report").joinpath("schema.json").read_text(encoding="utf-8"))
    assert faults(report, schema) == []
    night: dict[str, Any] = report["night"]
    return night


def found_as(name: str, count: int = 1) -> Found:
    return Found(f"folder/{name}", NO_LOCK, "threads", "S1", "twice", count=count)
