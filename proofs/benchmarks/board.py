"""What a claim costs on the TaskBoard, beside lock-and-scan and SQLite, as ratios in one run.

    python -m proofs.benchmarks.board [--quick] [--storage DIR] [--sizes 100,1000]

Prints claim p50 and p99, tasks per second, cold open plus first claim, and memory, durable and
not, then the targets. The boards take turns in every round, so what slows the machine for a while
slows all of them; absolute figures are worth little, ratios within a run more. On a busy machine
even these mislead, in favour of short calls; the targets allow for that. The exit status is 1 if a
task was claimed twice or left, and 0 otherwise: speed fails nothing. At the default sizes it needs
two minutes and 1 GB in the storage directory.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from proofs.benchmarks.boards import LOCK_AND_SCAN_TASKS_MAX
from proofs.benchmarks.measure import PROCESSES, Plan, take_figures
from proofs.benchmarks.tables import NOT_MEASURED, tables
from proofs.benchmarks.targets import targets_table

_SIZES: Final = (100, 1_000, 10_000, 100_000)
_SIZES_QUICK: Final = (100, 1_000, 10_000)
_RAM_DISK: Final = Path("/dev/shm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 if a drain went wrong."""
    options = _parser().parse_args(arguments)
    sizes = options.sizes or (_SIZES_QUICK if options.quick else _SIZES)
    if options.quick:
        plan = Plan(sizes, rounds=3, claims=40, drain_rounds=1, drained=1_000)
    else:
        plan = Plan(sizes, rounds=5, claims=40, drain_rounds=3, drained=1_000)
    with tempfile.TemporaryDirectory(prefix="board-benchmark-", dir=options.storage) as folder:
        print(_environment(Path(folder), plan), flush=True)
        figures = take_figures(plan, Path(folder), _say)
    for part in (*tables(figures, plan), targets_table(figures)):
        print(f"\n{part}")
    wrong = figures.wrong_drains()
    for words in wrong:
        print(f"\nWRONG: {words}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proofs.benchmarks.board", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--storage",
        type=_directory,
        default=_storage_default(),
        metavar="DIR",
        help="where the boards lie; %(default)s by default",
    )
    parser.add_argument("--sizes", type=_sizes, help="tasks on a board, such as 100,10000")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, up to 10,000 tasks")
    return parser


def _directory(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"it must be a directory, got {text!r}")
    return Path(text)


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(","))
    if min(sizes) < max(PROCESSES):
        raise argparse.ArgumentTypeError(f"sizes must be at least {max(PROCESSES)}, got {text}")
    return sizes


def _storage_default() -> Path:
    """A RAM disk where there is one: what is compared is the boards, not the disk."""
    if os.access(_RAM_DISK, os.W_OK | os.X_OK):
        return _RAM_DISK
    return Path(tempfile.gettempdir())


def _say(words: str) -> None:
    print(f"… {words}", file=sys.stderr, flush=True)


def _environment(folder: Path, plan: Plan) -> str:
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} (WAL), "
        f"{platform.system()} {platform.release()}, {os.cpu_count()} processors, "
        f"{folder.parent} on {_file_system(folder)}.\n"
        f"{plan.rounds} rounds of {plan.claims} claims, {plan.drain_rounds} of each drain, "
        "boards in turn; medians over rounds.\n"
        "Lock-and-scan gets fewer claims on boards of 1,000 and more, and is "
        f"{NOT_MEASURED} above\n{LOCK_AND_SCAN_TASKS_MAX:,} tasks. "
        "It and SQLite know neither leases nor tokens.\n"
        "A ratio says how many times better TaskBoard was: under 1 it was worse.\n"
        "durable: synced for power loss; not: for kill -9. A RAM disk has nothing to sync."
    )


def _file_system(folder: Path) -> str:
    """The kind of file system it lies on, where the system tells."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return "a file system of unknown kind"
    above = [mount for mount in mounts if folder.resolve().is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[1]))[2]


if __name__ == "__main__":
    sys.exit(main())
