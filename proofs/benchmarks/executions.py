"""Executions a second: two agents, one claim each, on a lock-and-scan board.

Run as ``python -m proofs.benchmarks.executions [--root DIR] [--seconds N] [--executions N]``.
Beside the two gates stand the same operations in one thread, one after the other, with the same
set-up of the directory and nothing intercepted. The three take turns in one run, so that what else
the machine does slows down all alike; what counts are the ratios. To reach: threads 0.5, processes
0.3. Afterwards it tells what it takes to replace a killed worker, and by how much memory grows over
many executions.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from proofs.benchmarks.lock_and_scan_board import LockAndScanBoard
from proofs.harness.adapter import BoardAdapter, LacksOperationError
from proofs.harness.execution import run
from proofs.harness.interception import interception
from proofs.harness.processes import ProcessGate
from strategies.interleavings import Interleaving
from strategies.programs import Ask
from strategies.scenarios import PostedTask, Scenario
from swarm.task import Task

ROUNDS = 10
INTERLEAVINGS = {
    "no switch": Interleaving(),
    "one switch": Interleaving(switches=((20, "a2"),)),
    "walk": Interleaving(kind="walk", seed=1),
}
BOARD = "proofs.benchmarks.executions:LeanBoard"
TARGETS = {"threads": 0.5, "processes": 0.3}


class LeanBoard(LockAndScanBoard):
    """The board for comparison without syncs, to which tasks can be posted."""

    def __init__(self, storage_path: str) -> None:
        super().__init__(Path(storage_path), durability="kill")

    def post(self, task: Task) -> None:
        """Write it, without a lock."""
        fields = ("task_id", "task_type", "description", "status", "priority", "created_at")
        self._replace({name: getattr(task, name) for name in fields})

    def __del__(self) -> None:
        self.close()


def scenario(interleaving: Interleaving) -> Scenario:
    """Two agents, one claim each, one task."""
    claim = (Ask("claim_next"),)
    return Scenario((PostedTask("t1"),), (("a1", claim), ("a2", claim)), interleaving)


def one_after_the_other(root: Path) -> None:
    """What an execution asks of the board, without a gate; the listing at its end, too."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    drawn = scenario(Interleaving())
    posting = BoardAdapter(LeanBoard(str(root)), "alone")
    for task in drawn.tasks:
        posting.post(task)
    for name, asks in drawn.programs:
        adapter = BoardAdapter(LeanBoard(str(root)), name)
        for ask in asks:
            adapter.call(ask, {})
    with suppress(LacksOperationError):
        BoardAdapter(LeanBoard(str(root)), "alone").call(Ask("list_all"), {})


def per_second(act: Callable[[], object], seconds: float) -> float:
    """How often this can be done in a second."""
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds or not done:
        act()
        done += 1
    return done / took


def compare(root: Path, gate: ProcessGate, seconds: float) -> None:
    """Print a line for each interleaving and gate."""
    for name, interleaving in INTERLEAVINGS.items():
        drawn = scenario(interleaving)
        rates: dict[str, list[float]] = {"alone": [], "threads": [], "processes": []}
        for _ in range(ROUNDS):
            rates["alone"].append(per_second(lambda: one_after_the_other(root), seconds))
            with interception():
                for kind, at in (("threads", None), ("processes", gate)):

                    def execute(drawn: Scenario = drawn, at: ProcessGate | None = at) -> object:
                        return run(drawn, LeanBoard, root, at)

                    rates[kind].append(per_second(execute, seconds))
        print(f"{name}: {median(rates['alone']):.0f}/s one after the other, nothing intercepted")
        for kind, target in TARGETS.items():
            pairs = zip(rates[kind], rates["alone"], strict=True)
            ratio = median(one / alone for one, alone in pairs)
            print(f"  {kind}: {median(rates[kind]):.0f}/s, ratio {ratio:.2f} (to reach: {target})")


def replacements(root: Path, gate: ProcessGate) -> None:
    """Print what a run takes whose worker was killed before, beside one with nobody killed."""
    drawn = scenario(INTERLEAVINGS["one switch"])

    def milliseconds(gate: ProcessGate) -> float:
        began = time.perf_counter()
        run(drawn, LeanBoard, root, gate)
        return (time.perf_counter() - began) * 1e3

    def after_a_kill(gate: ProcessGate) -> float:
        os.kill(gate.pids[0], signal.SIGKILL)
        return milliseconds(gate)

    with interception(), ProcessGate(BOARD) as started:
        new = milliseconds(started)
        first = after_a_kill(started)
        killed = median(after_a_kill(started) for _ in range(20))
        kept = median(milliseconds(gate) for _ in range(20))
    print(f"an execution with kept workers {kept:.1f} ms, after a kill {killed:.1f} ms")
    print(f"  the first kill of a gate {first:.1f} ms; with two new interpreters {new:.1f} ms")


def memory(root: Path, gate: ProcessGate, executions: int) -> None:
    """Print what this process and the workers hold before and after."""
    drawn = scenario(INTERLEAVINGS["one switch"])
    with interception():
        for at in (None, gate):
            for _ in range(500):
                run(drawn, LeanBoard, root, at)
        for kind, at in (("threads", None), ("processes", gate)):
            before = _resident_kib(gate)
            for _ in range(executions):
                run(drawn, LeanBoard, root, at)
            grown = [
                after - first for after, first in zip(_resident_kib(gate), before, strict=True)
            ]
            print(f"{executions} executions in {kind}: memory grew by {grown} KiB (here, workers)")


def _resident_kib(gate: ProcessGate) -> list[int]:
    def resident(process: int | str) -> int:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0])

    return [resident("self"), *map(resident, gate.pids)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, help="where to run; a temporary directory")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each of 10 rounds")
    parser.add_argument("--executions", type=int, default=10_000, help="for memory; 0 for none")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(dir=options.root) as folder,
        ProcessGate(BOARD) as gate,
    ):
        compare(Path(folder, "board"), gate, options.seconds)
        replacements(Path(folder, "board"), gate)
        if options.executions:
            memory(Path(folder, "board"), gate, options.executions)


if __name__ == "__main__":
    main()
