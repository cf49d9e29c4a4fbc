"""What pytest prints of the proofs when all is done."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Any, Final

import pytest

from proofs.harness.columns import printable

TOLD_ONE_BY_ONE_MAX: Final = 4

Conclusions = list[dict[str, Any]]


def summarise(terminal: pytest.TerminalReporter, conclusions: Conclusions) -> None:
    """A line for each proof: its verdict, the bound that it holds within, and the seed."""
    terminal.section("proofs")
    for alike in _grouped(conclusions):
        if len(alike) > TOLD_ONE_BY_ONE_MAX:
            terminal.line(_of_many(alike), **_markup(alike[0]["verdict"]))
        else:
            for told in alike:
                _tell(terminal, told)
    drawn = (told for told in conclusions if told["extent"] == "sampled")
    seeds = sorted({told["seed"] for told in drawn})
    if seeds:
        terminal.line(
            f"seed {', '.join(map(str, seeds))}; the same again: --proofs-seed {seeds[0]}"
        )


def _tell(terminal: pytest.TerminalReporter, told: dict[str, Any]) -> None:
    terminal.line(printable(_line(told)), **_markup(told["verdict"]))
    if told["verdict"] == "unknown":  # pytest shows at length what failed or was an error
        terminal.line(
            "\n".join(f"    {printable(line)}" for line in told["words"].splitlines()[1:])
        )


def _grouped(conclusions: Conclusions) -> list[Conclusions]:
    """Those of one proof with one verdict together, in the order in which they came."""
    groups: dict[tuple[str, str], Conclusions] = {}
    for told in conclusions:
        groups.setdefault((told["proof"], told["verdict"]), []).append(told)
    return list(groups.values())


def _of_many(alike: Conclusions) -> str:
    """The same proof of many boards in one line; each has its own in the report."""
    first, boards = alike[0], {told["board"] for told in alike}
    executions = [told["executions"] for told in alike]
    preemptions = Counter(
        told["bound"]["preemptions"] for told in alike if "preemptions" in told["bound"]
    )
    counts = ", ".join(f"{times} by {number}" for number, times in sorted(preemptions.items()))
    return (
        f"{first['verdict']} ({first['extent']}): {first['proof']}: {len(boards)} boards, "
        f"{min(executions)} to {max(executions)} executions each (median {median(executions):g})"
        f"{'; preemptions: ' if counts else ''}{counts}"
    )


def _line(told: dict[str, Any]) -> str:
    how = f" ({told['extent']})" if told["verdict"] == "holds" else ""
    what = f" {' '.join(told['invariants'])}:" if told["verdict"] == "holds" else ""
    words = told["words"].splitlines()[0] if told["words"] else ""
    if told["verdict"] == "violated":
        return f"violated: {words}"
    return f"{told['verdict']}{how}: {told['board']},{what} {words}"


def _markup(verdict: str) -> dict[str, bool]:
    if verdict == "holds":
        return {"green": True}
    return {"red": True} if verdict in ("violated", "harness fault") else {"yellow": True}
