"""What pytest prints of the proofs when all is done, and the report for machines."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest

from proofs.harness.surroundings import surroundings

REPORT_FORMAT: Final = "swarm-proofs/report"
REPORT_VERSION: Final = 1

Conclusions = list[dict[str, Any]]


def summarise(terminal: pytest.TerminalReporter, conclusions: Conclusions) -> None:
    """A line for each proof: its verdict, the bound that it holds within, and the seed."""
    terminal.section("proofs")
    convictions = [told for told in conclusions if told["extent"] == "convicted"]
    if convictions:
        terminal.line(_of_convictions(convictions), **_markup("holds"))
    for told in conclusions:
        if told in convictions:
            continue
        terminal.line(_line(told), **_markup(told["verdict"]))
        if told["verdict"] == "unknown":  # pytest shows at length what failed or was an error
            terminal.line("\n".join(f"    {line}" for line in told["words"].splitlines()[1:]))
    seeds = sorted({told["seed"] for told in conclusions if "seed" in told})
    if seeds:
        terminal.line(
            f"seed {', '.join(map(str, seeds))}; the same again: --proofs-seed {seeds[0]}"
        )


def write_report(folder: Path, conclusions: Conclusions) -> Path:
    """``report.json`` in the folder, written whole; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [told["seed"] for told in conclusions if "seed" in told]
    report = {
        "format": REPORT_FORMAT,
        "version": REPORT_VERSION,
        "environment": surroundings(folder),
        "seed": seeds[0] if seeds else None,
        "proofs": [{key: told[key] for key in told if key != "seed"} for told in conclusions],
    }
    path = folder / "report.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)
    return path


def _of_convictions(convictions: Conclusions) -> str:
    """The broken boards in one line; each has its own in the report."""
    boards = {told["board"] for told in convictions}
    found_in = [told["executions"] for told in convictions]
    by = Counter(told["bound"]["preemptions"] for told in convictions)
    counts = ", ".join(f"{times} by {number}" for number, times in sorted(by.items()))
    return (
        f"holds (convicted): {len(boards)} broken boards, each of its own invariant, in execution "
        f"{min(found_in)} to {max(found_in)} (median {median(found_in):g}); preemptions: {counts}"
    )


def _line(told: dict[str, Any]) -> str:
    how = f" ({told['extent']})" if told["verdict"] == "holds" else ""
    what = f" {' '.join(told['invariants'])}:" if told["verdict"] == "holds" else ""
    words = told["words"].splitlines()[0] if told["words"] else ""
    return f"{told['verdict']}{how}: {told['board']},{what} {words}"


def _markup(verdict: str) -> dict[str, bool]:
    if verdict == "holds":
        return {"green": True}
    return {"red": True} if verdict in ("violated", "harness fault") else {"yellow": True}
