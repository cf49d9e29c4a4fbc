"""Takes the figures: boards side by side, round after round, in this process and in fresh ones."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from proofs.benchmarks.boards import (
    RESULT,
    Board,
    Kind,
    close,
    fill,
    is_measured,
    opener,
    statuses,
)
from proofs.benchmarks.figures import DURABILITIES, ClaimRound, Drain, Figures, Setting
from proofs.benchmarks.worker import Drained, Opened

PROCESSES: Final = (1, 4)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    sizes: Sequence[int]
    rounds: int
    claims: int
    """Timed claims in a round."""
    drain_rounds: int
    drained: int
    """The most tasks that are claimed and completed in one drain."""

    def settings(self) -> list[Setting]:
        """Every board of a size and durability beside the others."""
        return [
            Setting(kind, tasks, durability)
            for tasks, durability, kind in product(self.sizes, DURABILITIES, Kind)
            if is_measured(kind, tasks)
        ]

    def claims_of(self, setting: Setting) -> int:
        """Fewer where a claim takes long."""
        claims = min(self.claims, max(1, setting.tasks // 2))
        return _fewer(setting, claims, 4_000)

    def drained_of(self, setting: Setting) -> int:
        """Fewer where a claim takes long, a multiple of the processes; or the whole board."""
        return _fewer(setting, min(self.drained, setting.tasks), 20_000)


def _fewer(setting: Setting, count: int, files_read_max: int) -> int:
    if setting.kind is not Kind.LOCK_AND_SCAN:
        return count
    return min(count, max(*PROCESSES, files_read_max // setting.tasks))


class Stock:
    """A filled directory of one setting, filled anew when half of its tasks are used up."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        self.setting = setting
        self._folder = folder
        self._fillings = 0
        self._used = 0
        self._board: Board | None = None
        self._fill()
        self.first_open = self.open_fresh()

    @property
    def directory(self) -> Path:
        """Where the tasks lie now."""
        return self._folder / str(self._fillings)

    def use(self, tasks: int) -> None:
        """Make sure that at least half of the tasks will be pending after so many claims."""
        if self._used + tasks > max(tasks, self.setting.tasks // 2):
            self.fill_anew()
        self._used += tasks

    def board(self) -> Board:
        """The board, open in this process and warm: it has claimed one task."""
        if self._board is None:
            self._board = opener(self.setting.kind)(
                self.directory, durability=self.setting.durability
            )
            self._warm(self._board)
        return self._board

    def fill_anew(self) -> None:
        """In another directory; the board has found its tasks, and all but one are pending."""
        self.close()
        shutil.rmtree(self.directory)
        self._fill()
        self.board()

    def open_fresh(self) -> Opened:
        """Open the board in a fresh process and claim one task."""
        arguments = [self.setting.kind, str(self.directory), self.setting.durability]
        done = subprocess.run(
            _worker("open", *arguments), stdout=subprocess.PIPE, text=True, check=True
        )
        return Opened(**json.loads(done.stdout))

    def close(self) -> None:
        """Close the board if it is open in this process."""
        board, self._board = self._board, None
        if board is not None:
            close(board)

    def _fill(self) -> None:
        self._fillings += 1
        self._used = 0
        fill(self.setting.kind, self.directory, self.setting.tasks + 1)  # one to warm up with

    @staticmethod
    def _warm(board: Board) -> None:
        task = _claimed(board)
        board.complete(task, RESULT)


def take_figures(plan: Plan, folder: Path, say: Callable[[str], None]) -> Figures:
    """All figures of the plan, on directories below ``folder``; ``say`` is told what goes on."""
    figures = Figures()
    stocks = []
    for number, setting in enumerate(plan.settings()):
        say(f"filling {setting.kind} with {setting.tasks:,} tasks")
        stocks.append(Stock(setting, folder / str(number)))
        figures.first_opens[setting] = stocks[-1].first_open
    for number in range(plan.rounds):
        say(f"claims, round {number + 1} of {plan.rounds}")
        for stock in stocks:
            claims = _claim_round(stock, plan.claims_of(stock.setting))
            figures.claims.setdefault(stock.setting, []).append(claims)
    for stock in stocks:
        stock.close()
    for number in range(plan.rounds):
        say(f"fresh processes, round {number + 1} of {plan.rounds}")
        for stock in stocks:
            stock.use(1)
            figures.opens.setdefault(stock.setting, []).append(stock.open_fresh())
    for number in range(plan.drain_rounds):
        for processes in PROCESSES:
            say(f"{processes} draining, round {number + 1} of {plan.drain_rounds}")
            for stock in stocks:
                drained = drain(stock, processes, plan.drained_of(stock.setting))
                figures.drains.setdefault((stock.setting, processes), []).append(drained)
    return figures


def _claim_round(stock: Stock, claims: int) -> ClaimRound:
    gc.collect()
    stock.use(claims)
    board = stock.board()
    processor_seconds = -time.process_time()
    alone = [_timed(_claimed, board)[0] for _ in range(claims)]
    processor_seconds += time.process_time()
    stock.use(claims)
    board = stock.board()
    followed, completes = [], []
    for _ in range(claims):
        seconds, task_id = _timed(_claimed, board)
        followed.append(seconds)
        completes.append(_timed(board.complete, task_id, RESULT)[0])
    return ClaimRound(alone, followed, completes, processor_seconds / sum(alone))


def _claimed(board: Board) -> str:
    task = board.claim_next("bench")
    if task is None:
        raise RuntimeError("the board must have a pending task left, and claimed none")
    return task.task_id


def _timed(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = call(*arguments)
    return time.perf_counter() - begun, answer


def drain(stock: Stock, processes: int, tasks: int) -> Drain:
    """So many worker processes claim and complete so many tasks, or the whole board."""
    whole = tasks == stock.setting.tasks
    if whole:
        stock.fill_anew()
    else:
        stock.use(tasks)
    stock.close()
    share = tasks if whole else tasks // processes
    begun, drained = _run_workers(stock, processes, share)
    granted = [task_id for one in drained for task_id in one.task_ids]
    return Drain(
        tasks_done=len(granted),
        seconds=max(one.ended for one in drained) - begun,
        granted_twice=len(granted) - len(set(granted)),
        left=_left(stock, set(granted)) if whole else None,
    )


def _left(stock: Stock, granted: set[str]) -> int:
    """Counted twice over: by what the workers got, and by what lies in the directory."""
    found = statuses(stock.setting.kind, stock.directory)
    not_completed = sum(status != "COMPLETED" for status in found)
    return max(stock.setting.tasks - len(granted), not_completed)


def _run_workers(stock: Stock, processes: int, share: int) -> tuple[float, list[Drained]]:
    """When the start signal was given, and what each worker did."""
    setting = stock.setting
    with ExitStack() as started:
        workers = [
            started.enter_context(
                subprocess.Popen(
                    _worker(
                        "drain",
                        setting.kind,
                        str(stock.directory),
                        setting.durability,
                        f"a{number}",
                        str(share),
                    ),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(processes)
        ]
        for worker in workers:
            _line_of(worker)  # all are up before any of them begins
        begun = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        return begun, [Drained(**json.loads(_line_of(worker))) for worker in workers]


def _line_of(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"a worker ended with {worker.wait()}; see its message above")
    return line


def _worker(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "proofs.benchmarks.worker", *arguments]
