"""What a night prints at its end, and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import indent, shorten
from typing import Final

from proofs.harness.counterexample import Counterexample, shell_path
from proofs.harness.proven_board import ProvenBoard
from proofs.night.commit import UNKNOWN
from proofs.night.deep import CUT
from proofs.night.kept import HERE
from proofs.night.members import NAMES
from proofs.night.morning import ORDER, Finding
from proofs.night.tally import Tally
from proofs.night.verdict import Night
from proofs.replaying import board_of_file
from proofs.report import Session, write_report

SHOWN_MAX: Final = 3
"""So many new ones are printed in full."""

SAME_MAX: Final = 5
"""So many more of each bug are told of in words, the rest by their names."""

_NAME_WIDTH: Final = 33

_FAULTS: Final = {"board": "the board", "dependency": "a dependency", "harness": "ours"}


def say(night: Night) -> None:
    """Print what was found, what each member brought, and the verdict."""
    print("\n".join(_escaped(line) for line in lines(night)), flush=True)


def lines(night: Night) -> Iterator[str]:
    """All that is printed."""
    yield ""
    yield from _table(night)
    bugs: list[list[Finding]] = [
        [*some] for _, some in groupby(night.findings, key=lambda one: one.bug)
    ]
    for number, (first, *others) in enumerate(bugs):
        yield from _about(first, others, in_full=number < SHOWN_MAX)
    counts = Counter(one.standing for one in night.findings)
    if counts:
        yield ""
        which = ", ".join(f"{counts[one]} {one}" for one in ORDER if counts[one])
        shown = [one.bug for one in night.findings if one.is_violated]
        fewer = len(set(shown))
        of_fewer = f", as it seems of {fewer} bug{'s' * (fewer > 1)}"
        yield which + of_fewer * (fewer < len(shown))
    if not night.is_whole:
        yield "interrupted: the night ended before its budget was spent; what was found is kept"
    told = night.peak.words()
    if told is not None:
        yield told
    yield night.line()
    if any(one.is_violated for one in night.findings):
        yield f"Repeat: python -m proofs fuzz {night.repeat()}"


def _table(night: Night) -> Iterator[str]:
    heads = f"{'executions':>10} {'new orders':>10} {'new pairs':>9} {'violations':>10} {'s':>7}"
    yield f"{'':34}{heads}"
    tally = night.tally
    for line in (*tally.replayed.values(), *tally.in_order(NAMES)):
        is_replay = (line.member, line.gate) in tally.replayed
        name = f"{'replay: ' if is_replay else ''}{line.member}"
        name = f"{shorten(name, _NAME_WIDTH - len(line.gate) - 2, placeholder='…')}, {line.gate}"
        yield (
            f"{name:34}{line.executions:>10,} {line.new_orders:>10,} {line.new_pairs:>9,} "
            f"{line.violations:>10,} {line.seconds:>7.1f}"
        )
    for name, why in night.idle.items():
        yield f"{name}: not applicable, {why}"
    yield from _deep(tally)


def _deep(tally: Tally) -> Iterator[str]:
    """Which whole proofs came to their end."""
    proofs = [*tally.concluded.values()]
    cut = [one["proof"] for one in proofs if one["words"].startswith(CUT)]
    if proofs:
        yield f"deep proofs that came to their end: {len(proofs) - len(cut)}"
    if cut:
        yield f"cut off at the end of a turn: {', '.join(cut)}"


def _about(one: Finding, others: Sequence[Finding], *, in_full: bool) -> Iterator[str]:
    """The finding that shows a bug best, then those that seem to be of the same one."""
    yield ""
    times = _times(one)
    at = f" at {one.first_commit}" if one.first_commit != UNKNOWN else ""
    since = f", first on {one.first_night}{at}" if one.first_night else ""
    fault = _FAULTS[one.at_fault]
    yield f"{one.standing}{times}, at fault: {fault}{since}{f'; {one.why}' if one.why else ''}"
    yield one.told if in_full and one.told and one.is_violated else _in_short(one)
    yield from _to_do(one)
    for other in others[:SAME_MAX]:
        yield f"As it seems the same bug, {other.standing}{_times(other)}:"
        yield indent(_in_short(other), "  ")
        if other.path:
            how = "Replay: pytest" if other.path.endswith(".json") else "Read:"
            yield f"  {how} {shell_path(other.path)}"
    if len(others) > SAME_MAX:
        names = ", ".join(shell_path(other.path or other.name) for other in others[SAME_MAX:])
        yield f"and {len(others) - SAME_MAX} more of it: {names}"


def _in_short(one: Finding) -> str:
    """Which promise, and how."""
    told = one.told.splitlines()[:2] if one.told.startswith(one.words) else []
    return "\n".join(told) or one.words


def _times(one: Finding) -> str:
    return f", {one.count:,} ×" if one.count else ""


def _to_do(one: Finding) -> Iterator[str]:
    path = shell_path(one.path)
    if not one.path:
        return
    if not one.path.endswith(".json"):
        yield f"Read: {path}"
    elif one.standing != "gone":
        yield f"Replay: pytest {path}"
    if one.path.endswith(".json") and one.is_violated:
        yield f"Explain: python -m proofs explain {path}"
        yield f"Export: python -m proofs export {path}"
        if Path(one.path).parent != HERE:
            yield f"Keep: cp {path} {HERE if HERE.is_dir() else '.'}"


def report(night: Night, folder: Path) -> Path:
    """Write ``report.html`` and ``report.json``; the path of the page."""
    session = Session(night.told(), is_whole=night.is_whole, night=night.to_json())

    def board_of(counterexample: Counterexample, file: Path) -> ProvenBoard:
        named = night.asked.board if counterexample.board == night.asked.board else None
        return board_of_file(counterexample, file, named, [Path()])

    return write_report(folder, session, board_of)


def _escaped(line: str) -> str:
    return line.encode("utf-8", "backslashreplace").decode()
