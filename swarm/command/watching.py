"""``swarm watch``: changes as lines, as they are seen."""

from __future__ import annotations

import json
import time

import click

from swarm.command.asked import Asked, board_command
from swarm.command.following import Change, Follower, Sight
from swarm.command.output import coloured, say, say_json
from swarm.command.words import clock, cut
from swarm.task import FINAL, HELD, Task


@board_command("watch")
@click.argument("task_ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--interval-seconds",
    type=click.FloatRange(min=0.01),
    default=0.5,
    show_default=True,
    help="How often to look. What comes and goes between two looks is not seen.",
)
@click.option("--all", "from_start", is_flag=True, help="First show what is there already.")
def watch_command(
    asked: Asked, task_ids: tuple[str, ...], interval_seconds: float, from_start: bool
) -> None:
    """Follow what changes, a line a change.

    Until it is interrupted; with IDs only these, until all of them are final.
    """
    follower = Follower(asked.reader(), frozenset(task_ids) or None)
    changes = follower.look()
    if from_start:
        _tell(changes, asked)
    while not (task_ids and all(map(_is_over, follower.states().values()))):
        time.sleep(interval_seconds)
        _tell(follower.look(), asked)


def change_json(change: Change, now: float) -> dict[str, object]:
    """One change for programs; ``before`` and ``after`` are a status, "DAMAGED", or null."""
    return {
        "seen_at": now,
        "task_id": change.task_id,
        "before": _name(change.before),
        "after": _name(change.after),
        "task": json.loads(change.after.to_json_unchecked())
        if isinstance(change.after, Task)
        else None,
    }


def change_line(change: Change, now: float) -> str:
    """``2026-11-24 12:04:05  t1  PENDING -> CLAIMED by a1, token 3``."""
    before, after = _name(change.before), _name(change.after)
    task = change.after
    shown = coloured(task.status) if isinstance(task, Task) else str(after or "gone")
    if before is None:
        shown = f"new, {shown}"
    elif before != after:
        shown = f"{before} -> {shown}"
    return f"{clock(now)}  {cut(change.task_id, 200)}  {shown}{_details(task)}"


def _details(task: Sight) -> str:
    if not isinstance(task, Task) or task.claimed_by is None:
        return ""
    details = f" by {cut(task.claimed_by, 80)}, token {task.token}"
    if task.status in HELD or task.result is None:
        return details
    return f"{details}: {cut(json.dumps(task.result, ensure_ascii=False), 80)}"


def _tell(changes: list[Change], asked: Asked) -> None:
    now = time.time()
    for change in changes:
        if asked.as_json:
            say_json(change_json(change, now))
        else:
            say(change_line(change, now))


def _name(sight: Sight) -> str | None:
    if sight is None:
        return None
    return str(sight.status) if isinstance(sight, Task) else "DAMAGED"


def _is_over(sight: Sight) -> bool:
    return isinstance(sight, Task) and sight.status in FINAL
