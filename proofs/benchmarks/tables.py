"""The figures as tables, one for each question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from proofs.benchmarks.boards import Kind
from proofs.benchmarks.figures import DURABILITIES, Figures, Setting, ratio
from proofs.benchmarks.measure import PROCESSES, Plan

NOT_MEASURED: Final = "not measured"
_OTHERS: Final = tuple(kind for kind in Kind if kind is not Kind.OURS)


def tables(figures: Figures, plan: Plan) -> Iterator[str]:
    """Each with its title."""
    yield _claims(figures, plan)
    yield _claims_and_completes(figures, plan)
    for processes in PROCESSES:
        yield _throughput(figures, plan, processes)
    yield _opens(figures, plan)
    yield _memory(figures, plan)


def _claims(figures: Figures, plan: Plan) -> str:
    rows = _rows(
        plan,
        lambda one: [seconds(figures.claim_p50(one)), seconds(figures.claim_p99(one))],
        figures.claim_ratio,
    )
    return "Claims, 1 process\n" + table(_headers(["p50", "p99"]), rows)


def _claims_and_completes(figures: Figures, plan: Plan) -> str:
    rows = _rows(
        plan,
        lambda one: [seconds(figures.followed_p50(one)), seconds(figures.complete_p50(one))],
        lambda one, ours: ratio(figures.followed_p50(one), figures.followed_p50(ours)),
    )
    for row, ours in zip(rows, _ours(plan), strict=True):
        row.append(times(ratio(figures.followed_p50(ours), figures.claim_p50(ours))))
    title = (
        "Claims each followed by a complete, 1 process, p50 of both; 'over in a row': that claim\n"
        "over one followed by another claim\n"
    )
    return title + table([*_headers(["claim", "complete"]), f"{Kind.OURS} over in a row"], rows)


def _throughput(figures: Figures, plan: Plan, processes: int) -> str:
    rows = _rows(
        plan,
        lambda one: [_count(figures.tasks_per_second(one, processes))],
        lambda one, ours: ratio(
            figures.tasks_per_second(ours, processes), figures.tasks_per_second(one, processes)
        ),
    )
    title = f"Tasks claimed and completed per second, processes: {processes}\n"
    return title + table(_headers([""]), rows)


def _opens(figures: Figures, plan: Plan) -> str:
    rows = _rows(
        plan,
        lambda one: [seconds(figures.open_seconds(one)), seconds(figures.open_seconds_max(one))],
        lambda one, ours: ratio(figures.open_seconds(one), figures.open_seconds(ours)),
    )
    for row, ours in zip(rows, _ours(plan), strict=True):
        row.append(seconds(figures.first_opens[ours].seconds))
    title = (
        "Opening plus first claim in a fresh process, after all imports; 'anew': the first time\n"
        "after filling, when the board makes its index of all tasks\n"
    )
    return title + table([*_headers(["median", "worst"]), f"{Kind.OURS} anew"], rows)


def _memory(figures: Figures, plan: Plan) -> str:
    rows = _rows(
        plan,
        lambda one: [_megabytes(figures.grown_bytes(one))],
        lambda one, ours: ratio(figures.grown_bytes(one), figures.grown_bytes(ours)),
    )
    for row, ours in zip(rows, _ours(plan), strict=True):
        row.append(_megabytes(figures.first_opens[ours].grown_bytes))
    title = "Memory: growth of the process's peak resident size (VmHWM) by the same\n"
    return title + table([*_headers([""]), f"{Kind.OURS} anew"], rows)


def _rows(
    plan: Plan,
    cells: Callable[[Setting], list[str]],
    times_worse: Callable[[Setting, Setting], float | None],
) -> list[list[str]]:
    """A row for each size and durability; ``times_worse`` compares another board with ours."""
    rows = []
    for ours in _ours(plan):
        row = [f"{ours.tasks:,}", "yes" if ours.durability == "power" else "no", *cells(ours)]
        for kind in _OTHERS:
            other = Setting(kind, ours.tasks, ours.durability)
            row += [*cells(other), times(times_worse(other, ours))]
        rows.append(row)
    return rows


def _ours(plan: Plan) -> list[Setting]:
    return [Setting(Kind.OURS, *each) for each in product(plan.sizes, DURABILITIES)]


def _headers(columns: Sequence[str]) -> list[str]:
    headers = ["tasks", "durable"]
    for kind in Kind:
        headers += [f"{kind} {column}".strip() for column in columns]
        if kind is not Kind.OURS:
            headers.append("ratio")
    return headers


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (headers, ["-" * width for width in widths], *rows)
    ]
    return "\n".join(lines)


def seconds(value: float | None) -> str:
    """In the unit that suits."""
    if value is None:
        return NOT_MEASURED
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.1f} ms" if value < 1 else f"{value:.1f} s"


def times(value: float | None) -> str:
    """A ratio."""
    if value is None:
        return "–"
    return f"{value:,.0f}×" if value >= 100 else f"{value:.2f}×"


def _count(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,.0f}"


def _megabytes(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value / 1e6:.2f} MB"
