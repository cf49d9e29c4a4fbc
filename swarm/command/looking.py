"""``swarm list`` and ``swarm show``: read, and change nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import click

from swarm.command.asked import Asked, board_command
from swarm.command.output import coloured, say, task_json
from swarm.command.refusals import lease_end, refusal
from swarm.command.words import cut, name_line, one_line, span, when
from swarm.task import HELD, Task, TaskStatus

_HEAD = ("ID", "STATUS", "PRIORITY", "TYPE", "HOLDER", "AGE", "DESCRIPTION")
_WIDTHS_MAX = (40, 11, 20, 24, 24, 9, 60)


@board_command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(list(TaskStatus.__members__), case_sensitive=False),
    help="Only tasks in this state; repeat it.",
)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this type; repeat it.")
@click.option("--agent", help="Only tasks that this agent holds or held last.")
def list_command(
    asked: Asked, statuses: tuple[str, ...], types: tuple[str, ...], agent: str | None
) -> None:
    """All tasks, oldest first. Damaged files are skipped, each with a line on standard error."""
    tasks = [
        task
        for task in asked.reader().list_all()
        if (not statuses or task.status in statuses)
        and (not types or task.task_type in types)
        and (agent is None or task.claimed_by == agent)
    ]
    say([task_json(task) for task in tasks] if asked.as_json else table(tasks, time.time()))


@board_command("show")
@click.argument("task_id", metavar="ID")
def show_command(asked: Asked, task_id: str) -> None:
    """One task and all that is known of it."""
    board = asked.reader()
    task = board.get(task_id)
    if task is None:
        raise refusal(board, "show", task_id, None)
    say(task_json(task) if asked.as_json else story(task, time.time()))


def table(tasks: Sequence[Task], now: float) -> list[str]:
    """One line a task under one line of names; nothing for no task."""
    if not tasks:
        return []
    rows = [_row(task, now) for task in tasks]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    cells = [_with_colour(t, _padded(row, widths)) for t, row in zip(tasks, rows, strict=True)]
    return ["  ".join(line).rstrip() for line in (_padded(_HEAD, widths), *cells)]


def story(task: Task, now: float) -> list[str]:
    """A line a field; times as people read them."""
    facts = [
        ("id", name_line(task.task_id)),
        ("type", one_line(str(task.task_type))),
        ("description", one_line(task.description)),
        ("status", coloured(task.status)),
        ("priority", str(task.priority)),
        ("created", when(task.created_at, now)),
        ("holder", one_line(task.claimed_by or "")),
        ("claimed", "" if task.claimed_at is None else when(task.claimed_at, now)),
        ("lease ends", when(lease_end(task), now) if task.status in HELD else ""),
        ("token", str(task.token or "")),
        ("attempts", str(task.attempts or "")),
        ("payload", _json(task.payload) if task.payload else ""),
        ("result", "" if task.result is None else _json(task.result)),
        *((one_line(name), _json(value)) for name, value in task.unknown_fields.items()),
    ]
    width = max(len(name) for name, _ in facts)
    return [f"{name.ljust(width)}  {words}" for name, words in facts if words]


def _json(value: object) -> str:
    """As JSON that people can read: only what a terminal would obey is escaped twice."""
    return one_line(json.dumps(value, ensure_ascii=False))


def _row(task: Task, now: float) -> tuple[str, ...]:
    cells = (
        name_line(task.task_id),
        str(task.status),
        str(task.priority),
        str(task.task_type),
        task.claimed_by or "",
        span(now - task.created_at),
        task.description,
    )
    return tuple(cut(cell, width) for cell, width in zip(cells, _WIDTHS_MAX, strict=True))


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]


def _with_colour(task: Task, cells: list[str]) -> list[str]:
    return [*cells[:1], coloured(task.status, cells[1]), *cells[2:]]
