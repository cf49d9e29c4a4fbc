"""What a night tells at its end: matrices, memory, and the options by which it is repeated."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import pytest
from hypothesis.database import InMemoryExampleDatabase

from proofs.command.fuzzing import fuzz_command
from proofs.harness.counterexample import load
from proofs.harness.gates import GATES, GateName, Gates
from proofs.harness.guard.schedule import GuardSchedule
from proofs.harness.matrix import Cell
from proofs.harness.proven_board import ProvenBoard
from proofs.night.asked import Asked
from proofs.night.corpus import Corpus
from proofs.night.judge import Judge
from proofs.night.members import PORTFOLIO
from proofs.night.memory import Peak, peak_of
from proofs.night.sieve import Sieve
from proofs.night.stage import Stage
from proofs.night.struck import CELLS_MAX, OTHERS, WORDS_MAX, add_up, counted
from proofs.night.swept import swept
from proofs.night.tally import Tally
from proofs.night.told import lines
from proofs.night.turn import Brought, Turn
from proofs.night.until import Until
from proofs.night.verdict import Night
from proofs.nights import NO_LOCK
from proofs.proving import OUR_BOARD
from proofs.reports import kept

ASKED = Asked(90.0, 3, 7, ".proofs/corpus", Path("counterexamples"))


def ended(asked: Asked, tally: Tally, peak: Peak | None = None) -> Night:
    """A night of which this much is known."""
    board = ProvenBoard.named(asked.board)
    return Night(
        *(asked, board, "2026-01-02", "c0ffee", 91.0, True, tally, None, (), {}),
        Peak() if peak is None else peak,
    )


@contextmanager
def on_stage(
    board: str, gate: GateName, folder: Path, seconds: float = 1.0, seed: int = 7
) -> Iterator[Stage]:
    """What a member has in its turn, in this process."""
    corpus = Corpus(InMemoryExampleDatabase(), board)
    with Gates(ProvenBoard.named(board), folder / "board") as gates:
        kept_in, sieve, guard, told = folder / "found", Sieve(), GuardSchedule(), list[object]()
        judge = Judge(gates, gate, kept_in, corpus, set(), sieve, guard, told.append)
        yield Stage(judge, Until(seconds), seed, corpus, InMemoryExampleDatabase(), kept_in)


def brought(member: str, stage: Stage) -> Brought:
    """As the worker tells it."""
    judge = stage.judge
    turn = Turn(member, stage.gate, stage.board.text, 7, 1.0, "", "")
    return Brought(turn, 1.0, judge.coverage, cells=judge.cells, violations=judge.violations)


@pytest.mark.parametrize("gate", GATES)
def test_a_sweep_tells_what_each_fault_came_to(gate: GateName, tmp_path: Path) -> None:
    scenario = load(kept("no_lock")).scenario  # two agents that claim one task
    with on_stage(OUR_BOARD, gate, tmp_path) as stage:
        trace = stage.judge.examine(scenario).trace
        for fault in [*swept(random.Random(1), trace, gate, 3600.0)][::2]:
            stage.judge.strike(replace(scenario, faults=(fault,)))
        tally = Tally()
        tally.add(brought("fault sweeps", stage))
    [told] = ended(ASKED, tally).conclusions()
    assert told.verdict == "holds"
    struck = stage.judge.coverage.faults
    counts = Counter[str]()
    for cell in told.cells:
        counts[cell.matrix] += cell.count
        assert cell.end in (("holds",) if cell.matrix == "kills" else ("ok", "refused", "unknown"))
        assert cell.matrix == "kills" or ": " in cell.words
    assert bool(counts["kills"]) == (gate == "processes") and set(counts) <= {"kills", "errors"}
    assert counts["kills"] <= struck["kill"]
    # of those that come between two calls it is told nowhere, of stops and clocks neither
    errors = sum(struck[kind] for kind in ("error", "short write", "interruption"))
    assert errors / 2 < counts["errors"] <= errors


def test_an_error_that_breaks_a_promise_is_no_answer(tmp_path: Path) -> None:
    broken = load(kept("deleted_on_error"))
    with on_stage(broken.board, "threads", tmp_path) as stage:
        stage.judge.strike(broken.scenario)
        [cell] = counted(stage.judge.cells)
    assert (cell.matrix, cell.end, cell.count) == ("errors", "violated", 1)
    assert stage.judge.violations == 1


def test_crashes_tell_on_how_many_disks_the_board_was_opened(tmp_path: Path) -> None:
    tally = Tally()
    [crashes] = [one for one in PORTFOLIO if one.name == "crashes"]
    for number in range(2):
        with on_stage(OUR_BOARD, "threads", tmp_path / str(number), seed=number) as stage:
            crashes.play(stage)
            tally.add(brought("crashes", stage))
        assert "S7" in stage.judge.judged or not stage.judge.coverage.succeeded
    [told] = ended(ASKED, tally).conclusions()
    assert {cell.matrix for cell in told.cells} == {"power loss"}
    assert {cell.column for cell in told.cells} == {"K"}, "that is what it promises"
    assert {cell.end for cell in told.cells} == {"holds"}
    assert {cell.words for cell in told.cells} == {""}, "they would tell of one turn alone"
    places = [(cell.row, cell.column) for cell in told.cells]
    assert len(places) == len(set(places)), "turns add up"


def test_a_report_stays_small_whatever_a_board_does() -> None:
    cells: Counter[Cell] = Counter()
    for number in range(3 * CELLS_MAX):
        one = Cell("errors", f"open r {number}", "EIO", "unknown", words="claim: raises OSError")
        add_up(cells, Counter({one: 2}))
    assert len(cells) == CELLS_MAX + 1 and sum(cells.values()) == 6 * CELLS_MAX
    assert sum(1 for cell in cells if cell.words) == WORDS_MAX
    [others] = [cell.count for cell in counted(cells) if cell.row == OTHERS]
    assert others == 4 * CELLS_MAX


@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        replace(ASKED, budget_seconds=0.5, board=NO_LOCK, gates=("threads",), only=("PCT",)),
        replace(ASKED, only=("fault sweeps", "soak"), gates=("processes",), is_strict=True),
        replace(ASKED, budget_seconds=36_000_000.0, processes=1, seed=0),
    ],
)
def test_the_options_to_repeat_a_night_are_those_that_it_was_asked(asked: Asked) -> None:
    """All by which a turn is drawn, or how long it is; the files are not."""
    words = shlex.split(ended(asked, Tally()).repeat())
    told = fuzz_command.make_context("fuzz", words).params
    gates = GATES if told["gate"] == "both" else (told["gate"],)
    assert Asked(
        told["budget"],
        told["processes"],
        told["seed"],
        asked.database,
        asked.counterexamples,
        board=told["board"] or OUR_BOARD,
        gates=gates,
        is_strict=told["strict"],
        only=told["only"],
    ) == replace(asked, report=None)


def test_what_cannot_be_repeated_is_refused() -> None:
    with pytest.raises(click.UsageError):
        fuzz_command.make_context("fuzz", ["--budget", "3.6e+07s"])


@pytest.mark.skipif(not peak_of(1), reason="not applicable: there is no /proc that tells it")
def test_the_memory_of_all_processes_is_told_together() -> None:
    """Of one that took 90 MB and gave them back, in a session of its own, and of a child of it."""
    code = (
        "import os, subprocess, sys; a = b'x' * 90_000_000; del a; "
        "subprocess.Popen([sys.executable, '-c', 'print(flush=True); import time; "
        "time.sleep(60)']).wait() "
    )
    peak = Peak()
    peak.look(())
    alone, few = peak.kilobytes, peak.processes
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            again = Peak()
            again.look((process.pid,))
            again.look((process.pid,))  # too soon
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert again.kilobytes > alone + 90_000 and again.processes >= few + 2
    told = [*lines(ended(ASKED, Tally(), again))]
    [words] = [line for line in told if line.startswith("peak memory")]
    assert f"of {again.processes} processes" in words
    assert ended(ASKED, Tally(), again).to_json()["memory"]["bytes"] == 1024 * again.kilobytes
